"""What the lab wrote down is what it finds again, and somebody else's folder is not a lab."""

from pathlib import Path

import pytest

from ovsdhcp.lab import state
from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.namespace import Identity


def test_what_is_saved_is_found(tmp_path: Path) -> None:
    known = state.State({"vm5": Identity(4, 99), "vm4": None}, ["/etc/netns/vm5"], [], "x.yaml")
    state.save(tmp_path, known)
    assert state.load(tmp_path) == known
    assert state.found(tmp_path) == known


def test_a_new_folder_becomes_a_lab_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "lab"
    assert state.load(folder) is None
    assert state.found(folder) == state.State()
    assert state.load(folder) == state.State()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").touch()
    with pytest.raises(LabError, match="not a lab's"):
        state.found(tmp_path)


def test_the_lock_leaves_no_folder_that_was_not_there(tmp_path: Path) -> None:
    with state.alone(tmp_path / "lab"):
        pass
    assert not (tmp_path / "lab").exists()
    with state.alone(tmp_path / "lab"):
        state.found(tmp_path / "lab")
    assert (tmp_path / "lab").exists()
