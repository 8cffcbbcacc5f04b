"""Where the control socket is: in the state folder, for the server's own user only."""

import os
from collections.abc import Mapping
from pathlib import Path

from ovsdhcp.state_folder import state_dir


def socket_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The server's control socket."""
    return state_dir(environment) / "control.sock"
