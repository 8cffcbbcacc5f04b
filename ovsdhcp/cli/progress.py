"""A bar for what takes more than a second, on a terminal alone."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import click

PATIENCE = 1.0
"""Seconds without a bar."""

_EVERY = 0.1
_SCALE = 1000


@contextmanager
def expected(what: str, seconds: float) -> Iterator[None]:
    """Show how much of the time that `what` probably takes has passed; full when it is done."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    drawer = threading.Thread(target=_draw, args=(what, seconds, done))
    drawer.start()
    try:
        yield
    finally:
        done.set()
        drawer.join()


def _draw(what: str, seconds: float, done: threading.Event) -> None:
    start = monotonic()
    if done.wait(PATIENCE):
        return
    with click.progressbar(length=_SCALE, label=what, file=sys.stderr, show_eta=False) as bar:
        while not done.wait(_EVERY):
            passed = int(_SCALE * (monotonic() - start) / seconds)
            bar.update(min(passed, _SCALE - 1) - bar.pos)
        bar.update(_SCALE - bar.pos)
