"""A progress bar: on a terminal, and only where one would wonder."""

import os
import select
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ovsdhcp.cli import progress


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard error is a terminal; where to read what it shows."""
    try:
        shown, stderr = os.openpty()
    except OSError as error:
        pytest.skip(f"no terminals here: {error}")
    with os.fdopen(stderr, "w") as stream:
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
        yield shown
    os.close(shown)


def test_a_bar_is_drawn_and_full_at_the_end(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.expected("checking big.yaml", 1000.0):
        seen = os.read(terminal, 1000)
    seen += os.read(terminal, 1000)
    assert seen.startswith(b"\r")
    assert b"checking big.yaml" in seen
    assert b"  0%" in seen
    assert b"] 100%" in seen.replace(b"  100%", b" 100%")


def test_what_takes_long_never_looks_done(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.expected("checking", 0.001):
        seen = os.read(terminal, 1000)
        while b"99%" not in seen:
            seen += os.read(terminal, 1000)
        assert b"100%" not in seen


def test_nothing_is_drawn_of_what_is_quick(terminal: int) -> None:
    with progress.expected("checking", 1.0):
        pass
    os.set_blocking(terminal, False)
    with pytest.raises(BlockingIOError):
        os.read(terminal, 1000)


def test_nothing_is_drawn_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.expected("checking", 1.0):
        pass
    assert capsys.readouterr() == ("", "")


def test_an_error_goes_through(terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with pytest.raises(ZeroDivisionError):
        failing(terminal)
    assert b"\x1b[?25h" in all_of(terminal)  # the cursor is back


def all_of(terminal: int) -> bytes:
    """What was written, which may come in pieces."""
    shown = b""
    while select.select([terminal], [], [], 0.5)[0]:
        shown += os.read(terminal, 1000)
    return shown


def failing(terminal: int) -> None:
    with progress.expected("checking", 1.0):
        os.read(terminal, 1000)
        _ = 1 // 0
