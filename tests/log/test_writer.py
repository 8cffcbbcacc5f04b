"""Lines reach their descriptor; a reader that does not read stops nobody."""

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ovsdhcp.log.writer import Writer, is_journal

MOST = 100
LONG = "x" * 5_000
PIPE_HOLDS = 1 << 16


@dataclass
class Pipe:
    reading: int
    writing: int

    def lines(self, last: str) -> list[str]:
        """All lines until one that contains `last`."""
        octets = b""
        while not octets.endswith(b"\n") or last not in octets.decode().splitlines()[-1]:
            octets += os.read(self.reading, 1 << 20)
        return octets.decode().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reading, writing = os.pipe()
    yield Pipe(reading, writing)
    os.close(reading)
    os.close(writing)


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("ovsdhcp", level, "", 0, text, (), None)


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    writer = Writer(pipe.writing)
    for number in range(2_000):
        writer.handle(record(f"line {number}"))
    assert pipe.lines("line 1999") == [f"line {number}" for number in range(2_000)]


def test_flush_waits_until_all_is_written(pipe: Pipe) -> None:
    writer = Writer(pipe.writing)
    for number in range(100):
        writer.handle(record(f"line {number}"))
    writer.flush()
    os.set_blocking(pipe.reading, False)
    assert len(os.read(pipe.reading, 1 << 16).splitlines()) == 100


@pytest.mark.parametrize("blocking", [True, False])
def test_a_reader_that_does_not_read_stops_nobody_and_is_told(pipe: Pipe, blocking: bool) -> None:
    os.set_blocking(pipe.writing, blocking)
    writer = Writer(pipe.writing, MOST)
    start = time.monotonic()
    for number in range(1_000):
        writer.handle(record(f"{number} {LONG}"))
    writer.flush()
    assert time.monotonic() - start < 1
    written: list[int] = []
    lost = 0
    while len(written) + lost < 1_000:
        for line in pipe.lines(""):
            first, *_ = line.split()
            if "were not written" in line:
                lost += int(first)
            else:
                written.append(int(first))
        writer.say_lost()
    assert lost >= 1_000 - MOST - PIPE_HOLDS // len(LONG) - 500
    assert written == sorted(set(written))


def test_a_reader_that_has_gone_stops_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = Writer(writing)
    writer.handle(record("into the void"))
    writer.flush()
    reading, again = os.pipe()
    os.dup2(again, writing)
    os.close(again)
    writer.say_lost()
    assert Pipe(reading, writing).lines("") == [
        "1 lines of the log were not written: what reads it is too slow, or gone"
    ]
    os.close(reading)
    os.close(writing)


def test_the_journal_is_told_how_grave_a_line_is(pipe: Pipe) -> None:
    status = os.fstat(pipe.writing)
    here = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
    assert is_journal(pipe.writing, here)
    assert not is_journal(pipe.writing, {})
    assert not is_journal(pipe.reading + 1000, here)
    writer = Writer(pipe.writing, priorities=True)
    writer.handle(record("well", logging.INFO))
    writer.handle(record("odd", logging.WARNING))
    writer.handle(record("wrong", logging.ERROR))
    assert pipe.lines("wrong") == ["<6>well", "<4>odd", "<3>wrong"]
