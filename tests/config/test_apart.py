"""Tables read in another process: the same Config, the same errors, and no end that harms ours."""

import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ovsdhcp.config.apart import Loaded, Reader
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import ConfigError
from tests.config.test_packing import TABLE, plain


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.yaml"
    path.write_text(TABLE)
    return path


def finished(slices: Generator[None, None, Loaded | None]) -> Loaded | None:
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: Loaded | None = end.value
            return result


def loaded(reader: Reader, path: Path) -> Loaded:
    result = finished(reader.load(str(path)))
    assert result is not None
    return result


def test_it_reads_what_is_read_here(reader: Reader, table: Path) -> None:
    assert plain(loaded(reader, table).config) == plain(load(table))


def test_the_same_file_is_not_read_again(reader: Reader, table: Path) -> None:
    first = loaded(reader, table)
    assert finished(reader.load(str(table), first.digest)) is None


def test_what_did_not_change_is_the_very_same(reader: Reader, table: Path) -> None:
    before = loaded(reader, table).config
    table.write_text(TABLE.replace("ip: 192.0.2.11", "ip: 192.0.2.14"))
    after = loaded(reader, table).config
    assert after.bridges[0] is not before.bridges[0]
    assert after.bridges[1] is before.bridges[1]


def test_a_wrong_table_is_told_as_it_is_told_here(reader: Reader, table: Path) -> None:
    before = loaded(reader, table).config
    table.write_text(TABLE.replace("lease_time", "lease_tme"))
    with pytest.raises(ConfigError) as here:
        load(table)
    with pytest.raises(ConfigError) as there:
        loaded(reader, table)
    assert str(there.value) == str(here.value)
    assert there.value.problems == here.value.problems
    table.write_text(TABLE)
    assert loaded(reader, table).config.bridges[0] is before.bridges[0]


def test_of_very_many_problems_the_first_are_told_and_how_many_there_are(
    reader: Reader, table: Path
) -> None:
    wrong = "".join(f"      w{n}: {{subnet: one, ip: x}}\n" for n in range(300))
    table.write_text(TABLE.replace("      many:", wrong + "      many:"))
    with pytest.raises(ConfigError) as caught:
        loaded(reader, table)
    assert len(caught.value.problems) == 100
    assert str(caught.value).endswith("... and 200 more problems")


def test_a_file_that_is_not_there_is_an_error_like_any_other(reader: Reader, table: Path) -> None:
    table.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        loaded(reader, table)


def test_what_is_odd_comes_with_the_table(reader: Reader, table: Path) -> None:
    table.write_text(TABLE.replace("vm2:", "a-port-with-a-long-name:"))
    assert [problem.code for problem in loaded(reader, table).warnings] == ["long-name"]


def test_a_reading_process_that_was_killed_is_replaced(reader: Reader, table: Path) -> None:
    loaded(reader, table)
    process: Any = reader._process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert loaded(reader, table).config.bridges


def test_a_reading_that_dies_is_told_and_the_next_one_succeeds(
    reader: Reader, table: Path, tmp_path: Path
) -> None:
    loaded(reader, table)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process: Any = reader._process
    killer = Thread(target=_kill_the_fork, args=(process.pid, pipe))
    killer.start()
    with pytest.raises(ConfigError) as caught:
        finished(reader.load(str(pipe)))
    killer.join()
    assert caught.value.problems[0].code == "reading-failed"
    assert loaded(reader, table).config.bridges


def _kill_the_fork(pid: int, pipe: Path) -> None:
    """End the fork that reads a pipe to which nobody writes."""
    with pipe.open("wb"):  # it is open on the other side as well then
        children = Path(f"/proc/{pid}/task/{pid}/children")
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        while children.read_text():
            pass


def test_where_no_process_can_be_started_it_says_what_and_why(
    reader: Reader, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.close()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigError, match=r"no process can be started .*: No such file"):
        loaded(reader, table)
    monkeypatch.undo()
    assert loaded(reader, table).config


def test_it_ends_with_the_one_that_asks(reader: Reader, table: Path) -> None:
    loaded(reader, table)
    process: Any = reader._process
    reader.close()
    assert process.returncode == 0
