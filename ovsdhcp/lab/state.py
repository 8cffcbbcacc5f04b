"""What the lab has made, written down before it is made, so that `down` finds it after any failure.

One folder holds everything the lab keeps. The few things that must be elsewhere (namespaces, their
/etc/netns folders, dhclient's files in /run) stand in its state.json. A thing is written down when
we have seen that it is not there, and made after that: so what is written down is ours.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.namespace import Identity

FILE = "state.json"


@dataclass(slots=True)
class State:
    """The things outside of the lab's folder. A namespace is None while it is being made."""

    namespaces: dict[str, Identity | None] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    not_there_before: list[str] = field(default_factory=list)
    config: str = ""


def load(folder: Path) -> State | None:
    """What was written down in this folder, None if there is no lab."""
    try:
        written = json.loads((folder / FILE).read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise LabError(f"{folder / FILE} is not a lab's record: {error}") from error
    known = {name: Identity(*it) if it else None for name, it in written["namespaces"].items()}
    return State(known, written["paths"], written["not_there_before"], written["config"])


def save(folder: Path, state: State) -> None:
    """Write it down so that it is either the old or the new state that a reader finds."""
    fresh = folder / f"{FILE}.new"
    fresh.write_text(json.dumps(asdict(state), indent=1))
    fresh.replace(folder / FILE)


def found(folder: Path) -> State:
    """Take the folder for a lab: as it was left, or new. Somebody else's folder is refused."""
    state = load(folder)
    if state is not None:
        return state
    if folder.exists() and any(folder.iterdir()):
        raise LabError(
            f"{folder} is there, and it is not a lab's",
            advice=f"If it is of no use to you, remove it: rm -r {folder}",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    state = State()
    save(folder, state)
    return state


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let only one command work on a lab at a time, by a lock on its folder."""
    lock = _locked(folder)
    try:
        yield
    finally:
        os.close(lock)
        with contextlib.suppress(OSError):  # a folder that was made for the lock alone
            folder.rmdir()


def _locked(folder: Path) -> int:
    """Lock the folder that is there now: `down` may have removed it while we waited."""
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(lock), folder.stat()):
                return lock
        os.close(lock)


def remove(path: Path) -> None:
    """Remove a file or folder of ours, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
