"""The folder for what outlives a run: `$OVSDHCP_STATE_DIR`, else /var/lib/ovsdhcp."""

import os
from collections.abc import Mapping
from pathlib import Path

STATE_VARIABLE = "OVSDHCP_STATE_DIR"
DEFAULT_STATE_DIR = Path("/var/lib/ovsdhcp")


def state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Where it is."""
    return Path(environment.get(STATE_VARIABLE) or DEFAULT_STATE_DIR)
