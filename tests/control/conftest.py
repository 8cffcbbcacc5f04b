"""A control socket whose connections are served by threads."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ovsdhcp.control.server import Control, Verb

Serve = Callable[[Mapping[str, Verb]], Path]


def spawn(function: Callable[..., object], *arguments: object) -> None:
    threading.Thread(target=function, args=arguments, daemon=True).start()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve verbs; the socket's path."""
    opened: list[Control] = []

    def at(verbs: Mapping[str, Verb]) -> Path:
        path = tmp_path / f"state{len(opened)}" / "control.sock"
        control = Control(path, verbs, spawn)
        control.open()
        opened.append(control)
        return path

    yield at
    for control in opened:
        control.close()
