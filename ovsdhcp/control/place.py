"""Where the control socket is: in the state folder, for the server's own user only."""

import os
from collections.abc import Mapping
from pathlib import Path

STATE_VARIABLE = "OVSDHCP_STATE_DIR"
DEFAULT_STATE_DIR = Path("/var/lib/ovsdhcp")


def state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """What outlives a run, and the socket: `$OVSDHCP_STATE_DIR`, else /var/lib/ovsdhcp."""
    return Path(environment.get(STATE_VARIABLE) or DEFAULT_STATE_DIR)


def socket_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The server's control socket."""
    return state_dir(environment) / "control.sock"
