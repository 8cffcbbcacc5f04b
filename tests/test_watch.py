"""When a file counts as changed: never half written, and whoever puts it there in whichever way."""

import os
from pathlib import Path

import pytest

from ovsdhcp.watch import GONE_FOR, Signature, Watch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "table.yaml"
    path.write_text("one")
    return path


@pytest.fixture
def watch(path: Path) -> Watch:
    watch = Watch(str(path))
    watch.taken()
    return watch


def looks(watch: Watch, most: int = 5) -> int:
    """After how many looks the change is taken; 0: not within so many."""
    return next((look for look in range(1, most + 1) if watch.changed()), 0)


def aged(path: Path) -> None:
    """As if written some time before: its status changed after its contents did."""
    past = path.stat().st_mtime_ns - 10**9
    os.utime(path, ns=(past, past))


def test_what_does_not_change_is_not_taken(watch: Watch) -> None:
    assert looks(watch) == 0


def test_what_is_there_at_first_is_taken_once(path: Path) -> None:
    watch = Watch(str(path))
    assert looks(watch) > 0
    assert looks(watch) == 0


def test_a_file_renamed_into_place_is_taken_at_once(watch: Watch, path: Path) -> None:
    beside = path.with_suffix(".new")
    beside.write_text("two")
    aged(beside)
    beside.rename(path)
    assert (looks(watch), looks(watch)) == (1, 0)


def test_a_file_that_is_being_written_is_left_until_it_stays_as_it_is(
    watch: Watch, path: Path
) -> None:
    with path.open("a") as file:
        for text in ("b", "r", "i", "dges"):
            file.write(text)
            file.flush()
            assert not watch.changed()
    assert (looks(watch), looks(watch)) == (1, 0)


def test_files_that_replace_each_other_faster_than_one_looks_do_not_keep_it_waiting(
    watch: Watch, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = 0
    for number in range(10):
        beside = path.with_suffix(f".{number}")
        beside.write_text(str(number))
        beside.replace(path)
        monkeypatch.setattr(Signature, "renamed", False)  # within the clock's grain
        taken += watch.changed()
    assert taken >= 4


def test_a_symbolic_link_that_is_flipped_is_followed(tmp_path: Path) -> None:
    """As Kubernetes does: table.yaml -> ..data/table.yaml, ..data -> ..2026_11_21, flipped."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "table.yaml").write_text(name)
    data, path = tmp_path / "..data", tmp_path / "table.yaml"
    data.symlink_to("old")
    path.symlink_to("..data/table.yaml")
    watch = Watch(str(path))
    watch.taken()
    flipped = tmp_path / "..data_tmp"
    flipped.symlink_to("new")
    flipped.rename(data)
    assert 1 <= looks(watch) <= 2


def test_a_file_that_is_gone_for_a_moment_is_waited_for(watch: Watch, path: Path) -> None:
    path.rename(path.with_suffix(".aside"))
    assert looks(watch, GONE_FOR - 1) == 0
    path.with_suffix(".aside").rename(path)
    assert looks(watch) <= 2


def test_a_file_that_stays_away_is_a_change_and_so_is_its_return(watch: Watch, path: Path) -> None:
    path.unlink()
    assert looks(watch, GONE_FOR + 1) == GONE_FOR
    path.write_text("again")
    assert 1 <= looks(watch) <= 2
