"""The socket itself: who may connect, what a strange peer can do, what remains of a dead server."""

import fcntl
import os
import socket
import stat
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ovsdhcp.control import client, protocol, server
from ovsdhcp.control.client import NoServerError, ask
from ovsdhcp.control.protocol import ControlError, Document
from ovsdhcp.control.server import CannotListenError, Control
from tests.control.conftest import Serve, spawn

Items = Generator[Document | None, None, None]


def count(arguments: Mapping[str, Any]) -> Items:
    for number in range(arguments["to"]):
        yield {"number": number}


def refuse(arguments: Mapping[str, Any]) -> Items:
    yield {"before": True}
    raise ControlError(protocol.WRONG_ARGUMENT, "not so", "but so")


def fail(arguments: Mapping[str, Any]) -> Items:
    yield from ()
    raise OSError("a file, say")


VERBS = {"count": count, "refuse": refuse, "fail": fail}


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(path))
    return connection


def exchange(path: Path, sent: bytes) -> bytes:
    with connect(path) as connection, connection.makefile("rb") as answers:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return answers.read()


def test_items_arrive_in_order_and_end(serve: Serve) -> None:
    path = serve(VERBS)
    assert list(ask("count", {"to": 1000}, path)) == [{"number": n} for n in range(1000)]


def test_the_socket_is_its_owners_only(serve: Serve) -> None:
    path = serve(VERBS)
    modes = [
        stat.S_IMODE(at.stat().st_mode) for at in (path.parent, path, path.with_suffix(".lock"))
    ]
    assert modes == [0o700, 0o600, 0o600]


def test_an_empty_item_is_not_said(serve: Serve) -> None:
    def turns(arguments: Mapping[str, Any]) -> Items:
        yield {}
        yield {"number": 1}
        yield {}

    assert list(ask("turns", {}, serve({"turns": turns}))) == [{"number": 1}]


@pytest.mark.parametrize(
    ("verb", "code", "said"),
    [
        ("refuse", "wrong-argument", "not so"),
        ("nothing", "unknown-verb", "knows no `nothing`"),
        ("fail", "internal", "the server failed"),
    ],
)
def test_an_error_is_named(serve: Serve, verb: str, code: str, said: str) -> None:
    with pytest.raises(ControlError, match=said) as raised:
        list(ask(verb, {}, serve(VERBS)))
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "malformed"),
        (b"{}", "malformed"),
        (b"GET / HTTP/1.0\r\n\r\n", "malformed"),
        (b"[]\n", "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b'{"version": 2, "verb": "count"}\n', "wrong-version"),
        (b'{"version": 1, "verb": 5}\n', "malformed"),
        (b'{"version": 1, "verb": "count", "arguments": []}\n', "malformed"),
        (b"x" * protocol.MOST_REQUEST, "too-long"),
    ],
)
def test_a_strange_request_is_answered_with_its_fault(serve: Serve, sent: bytes, code: str) -> None:
    with pytest.raises(ControlError) as raised:
        protocol.read_answer(exchange(serve(VERBS), sent))
    assert raised.value.code == code


def test_a_stuck_reader_holds_up_nobody_and_is_cut_off(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verb is asked for no more than what fits between the two ends."""
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    closed = threading.Event()
    made = []

    def flood(arguments: Mapping[str, Any]) -> Items:
        try:
            while True:
                made.append(1)
                yield {"much": "x" * 10_000}
        finally:
            closed.set()

    path = serve({"flood": flood, "count": count})
    with connect(path) as stuck:
        stuck.sendall(protocol.Request("flood", {}).line())
        assert len(list(ask("count", {"to": 3}, path))) == 3
        assert closed.wait(10)
    assert len(made) < 1000


def test_a_reader_that_left_is_noticed_while_there_is_nothing_to_say(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ALIVE_EVERY", 0.05)
    monkeypatch.setattr(server, "IDLE", 0.01)
    closed = threading.Event()

    def idle(arguments: Mapping[str, Any]) -> Items:
        try:
            while True:
                yield None
        finally:
            closed.set()

    answers = ask("idle", {}, serve({"idle": idle}))
    assert next(answers) == {}  # a sign of life
    answers.close()  # type: ignore[attr-defined]  # it is a generator
    assert closed.wait(10)


def test_beyond_the_most_connections_one_is_turned_away(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    begun = threading.Event()

    def wait(arguments: Mapping[str, Any]) -> Items:
        begun.set()
        while True:
            yield None

    path = serve({"wait": wait})
    with connect(path) as first:
        first.sendall(protocol.Request("wait", {}).line())
        assert begun.wait(5)
        with pytest.raises(ControlError, match="served already") as raised:
            list(ask("wait", {}, path))
    assert raised.value.code == "busy"


def test_a_dead_servers_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NoServerError, match="was there, and is no more"):
        list(ask("count", {"to": 1}, path))
    control = Control(path, VERBS, spawn)
    control.open()
    assert len(list(ask("count", {"to": 1}, path))) == 1
    control.close()
    assert not path.exists()


def test_a_living_servers_socket_is_not(serve: Serve) -> None:
    path = serve(VERBS)
    with pytest.raises(CannotListenError, match="another server has it"):
        Control(path, {}, spawn).open()
    assert len(list(ask("count", {"to": 1}, path))) == 1


def test_the_lock_ends_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    for _ in range(2):
        control = Control(path, VERBS, spawn)
        control.open()
        control.close()
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.parent.write_text("a file"), "Not a directory|File exists"),
        (lambda path: (path.parent.mkdir(), path.write_text("precious")), "in use"),
        (lambda path: (path.parent.mkdir(), path.mkdir()), "in use"),
    ],
    ids=["the folder is a file", "a file has the name", "a folder has the name"],
)
def test_where_it_cannot_be_made_it_says_what_to_do(tmp_path: Path, make: Any, said: str) -> None:
    path = tmp_path / "state" / "control.sock"
    make(path)
    with pytest.raises(CannotListenError, match=said) as raised:
        Control(path, {}, spawn).open()
    assert "hint: " in str(raised.value)
    assert path.exists() or path.parent.is_file()


def test_a_path_too_long_for_a_socket_is_said(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120) / "control.sock"
    with pytest.raises(CannotListenError, match="too long"):
        Control(path, {}, spawn).open()
    with pytest.raises(NoServerError, match="too long"):
        list(ask("count", {}, path))


def test_no_server_is_named_with_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(NoServerError, match="no server is there") as raised:
        list(ask("status", {}, tmp_path / "control.sock"))
    assert "`ovsdhcp run" in str(raised.value)


@pytest.mark.parametrize("said", [b"", b'{"item": {"number": 0}}\n', b'{"item": '])
def test_an_answer_that_stops_is_not_taken_for_whole(tmp_path: Path, said: bytes) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)

        spawn(answer)
        with pytest.raises(NoServerError, match="in the middle of its answer"):
            list(ask("count", {}, path))


def test_a_silent_server_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(NoServerError, match="says nothing"):
            list(ask("count", {}, path, patience=0.05))
    assert client.PATIENCE > 2 * server.ALIVE_EVERY
