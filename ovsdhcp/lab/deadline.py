"""Waiting for something to become true, no longer than promised."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_for(
    look: Callable[[], Value | None], *, within: float, every: float = 0.02
) -> Value | None:
    """Call `look` until it returns something true, and return that; None after `within` seconds."""
    end = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= end:
            return None
        time.sleep(every)
