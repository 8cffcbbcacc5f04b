"""Reloads without a switch: what comes into force, what stays, what goes back by itself."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from ryu.lib import hub

from ovsdhcp.config.apart import Reader
from ovsdhcp.config.table import Config
from ovsdhcp.reloading import Reloading, first
from tests.config.test_packing import TABLE

MOVED = TABLE.replace("ip: 192.0.2.11", "ip: 192.0.2.14")
WRONG = TABLE.replace("ip: 192.0.2.11", "ip: 192.0.2.300")


class Server:
    """A file, its reloading, and a clock that only the test moves."""

    def __init__(self, path: Path, reader: Reader, patch: pytest.MonkeyPatch) -> None:
        self.path, self.now = path, 1000.0
        patch.setattr("ovsdhcp.reloading.time.monotonic", lambda: self.now)
        loaded = first(str(path), reader)
        self.config = loaded.config
        self.applied = 0
        self.reloading = Reloading(str(path), reader, loaded, self._apply)

    def _apply(self, config: Config) -> Generator[None, None, None]:
        yield
        self.config = config
        self.applied += 1

    @property
    def address(self) -> str:
        """What vm1 is given by the table in force."""
        return str(self.config.bridges[0].ports[0].bindings[0].address)

    def look(self, times: int = 2) -> None:
        """Look at the file, as often as it takes to see that it is written to its end."""
        for _ in range(times):
            self.reloading._look()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def server(tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> Server:
    path = tmp_path / "table.yaml"
    path.write_text(TABLE)
    server = Server(path, reader, monkeypatch)
    server.look()
    return server


def test_what_is_in_force_already_is_not_put_in_force(server: Server) -> None:
    outcome = server.reloading.reload()
    assert (outcome.ok, outcome.changed, server.applied) == (True, False, 0)


def test_a_file_that_was_changed_before_the_first_look_is_noticed(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(TABLE)
    server = Server(path, reader, monkeypatch)
    path.write_text(MOVED)
    server.look()
    assert server.address == "192.0.2.14"


def test_a_changed_file_is_noticed_once(server: Server) -> None:
    server.path.write_text(MOVED)
    server.look(5)
    assert (server.address, server.applied) == ("192.0.2.14", 1)
    last = server.reloading.status().last_reload
    assert last is not None
    assert (last.ok, last.changed) == (True, True)


def test_a_file_of_the_same_contents_is_no_change(server: Server) -> None:
    server.path.write_text(TABLE)
    server.look()
    assert (server.applied, server.reloading.status().last_reload) == (0, None)


def test_a_wrong_file_is_told_and_the_next_right_one_is_taken(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.path.write_text(WRONG)
    server.look(5)
    last = server.reloading.status().last_reload
    assert last is not None
    assert [problem.code for problem in last.problems] == ["bad-address"]
    assert [record.levelname for record in caplog.records] == ["ERROR"], "once, not at each look"
    assert server.address == "192.0.2.11"
    server.path.write_text(MOVED)
    server.look()
    assert server.address == "192.0.2.14"


# -- on trial --------------------------------------------------------------------------------


def test_a_table_that_nobody_confirms_goes_and_its_file_is_not_taken_again(server: Server) -> None:
    server.path.write_text(MOVED)
    assert server.reloading.reload(60).confirm_within == 60
    server.now += 59
    server.look()
    assert (server.address, server.reloading.status().confirm_within) == ("192.0.2.14", 1)
    server.now += 1
    server.look(5)
    assert server.address == "192.0.2.11"
    assert server.reloading.status().confirm_within is None
    assert server.reloading.confirm() is False


@pytest.mark.parametrize("how", ["confirm", "reload"])
def test_a_confirmed_table_stays(server: Server, how: str) -> None:
    server.path.write_text(MOVED)
    server.reloading.reload(60)
    assert getattr(server.reloading, how)()
    server.now += 61
    server.look(5)
    assert server.address == "192.0.2.14"


def test_what_was_noticed_by_itself_is_on_trial_if_it_is_as_young_as_the_trial_long(
    server: Server,
) -> None:
    server.path.write_text(MOVED)
    server.look()
    server.now += 30
    outcome = server.reloading.reload(60)
    assert (outcome.changed, outcome.confirm_within) == (False, 60)
    server.now += 60
    server.look()
    assert server.address == "192.0.2.11"


def test_a_table_that_has_long_been_in_force_is_not_taken_back(server: Server) -> None:
    server.path.write_text(MOVED)
    server.look()
    server.now += 3600
    assert server.reloading.reload(60).confirm_within is None


def test_a_file_that_changes_during_a_trial_waits_for_its_end(server: Server) -> None:
    server.path.write_text(MOVED)
    server.reloading.reload(60)
    server.path.write_text(TABLE.replace("ip: 192.0.2.11", "ip: 192.0.2.15"))
    server.look(5)
    assert server.address == "192.0.2.14"
    server.reloading.confirm()
    server.look()
    assert server.address == "192.0.2.15"


def test_a_wrong_file_is_not_on_trial_and_ends_none(server: Server) -> None:
    server.path.write_text(WRONG)
    assert server.reloading.reload(60).confirm_within is None
    assert server.reloading.status().confirm_within is None


def test_a_wrong_file_confirms_none_either(server: Server) -> None:
    server.path.write_text(MOVED)
    server.reloading.reload(60)
    server.path.write_text(WRONG)
    assert not server.reloading.reload().ok
    assert server.reloading.status().confirm_within == 60
    server.now += 60
    server.look()
    assert server.address == "192.0.2.11"


def test_reloads_wait_for_each_other(server: Server) -> None:
    server.path.write_text(MOVED)
    threads = [hub.spawn(server.reloading.reload) for _ in range(3)]
    assert sorted(thread.wait().changed for thread in threads) == [False, False, True]
