"""A changed lease table: when it is looked at, read, put in force, and taken back.

What is in force stays so until a table has been read and found right, off the hub
(`config.apart`); the swap is for the one who is told (`apply`). One reload at a time.
"""

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from ryu.lib import hub

from ovsdhcp.config.apart import Loaded, Reader
from ovsdhcp.config.problems import ConfigError, Problem
from ovsdhcp.config.table import Config
from ovsdhcp.watch import LOOK_EVERY, Watch

LOG = logging.getLogger("ovsdhcp")

Apply = Callable[[Config], Generator[None, None, None]]
"""Puts a Config in force, in slices of a millisecond or two."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reload came to.

    `changed` says that another table is in force now. `error` is empty, or all that is wrong with
    the file, for people; then `problems` are the first of it, and what was in force still is.
    `confirm_within` are the seconds until it is taken back, None where it is not.
    """

    changed: bool
    seconds: float
    error: str = ""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    confirm_within: float | None = None

    @property
    def ok(self) -> bool:
        """Whether what is in the file is in force."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Status:
    """How the table in force stands, `digest` its file's SHA-256. Times are the wall clock's."""

    source: str
    digest: bytes
    since: float
    last_reload: Outcome | None
    last_at: float | None
    confirm_within: float | None


@dataclass(frozen=True, slots=True)
class _InForce:
    """A table, its file's digest, and since when (of both clocks)."""

    config: Config
    digest: bytes
    since: float
    at: float


class Reloading:
    """The table of one file. `reload`, `confirm` and `status` are for the control socket."""

    def __init__(self, path: str, reader: Reader, first: Loaded, apply: Apply) -> None:
        self._path, self._reader, self._apply = path, reader, apply
        self._watch = Watch(path)
        self._now = _in_force(first.config, first.digest)
        self._before: _InForce | None = None
        self._last: tuple[Outcome, float] | None = None
        self._deadline: float | None = None
        self._alone = hub.Semaphore(1)

    # -- for the control socket --------------------------------------------------------------

    def reload(self, confirm: float | None = None) -> Outcome:
        """Have what is in the file in force, now; where it is already, nothing happens.

        With `confirm`, it is taken back after so many seconds unless `confirm` is called before.
        That goes too for a change that was noticed by itself within the last so many seconds. A
        reload while one waits for its confirmation confirms that.
        """
        with self._alone:
            on_trial, self._deadline = self._deadline, None
            self._watch.taken()
            outcome = self._told(self._reload(confirm))
            if not outcome.ok:  # which confirms nothing
                self._deadline = on_trial
            return outcome

    def confirm(self) -> bool:
        """Keep the table that waits for it; False where none does."""
        waiting, self._deadline = self._deadline is not None, None
        if waiting:
            LOG.info("%s: confirmed", self._path)
        return waiting

    def status(self) -> Status:
        """How it stands."""
        outcome, at = self._last or (None, None)
        return Status(self._path, self._now.digest, self._now.at, outcome, at, self._remaining())

    # -- for the application -----------------------------------------------------------------

    def run(self) -> None:
        """Look at the file again and again; does not return."""
        while True:
            hub.sleep(LOOK_EVERY)
            try:
                self._look()
            except Exception:
                LOG.exception("a reload failed; this is a bug, please report it")

    def _look(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._take_back()
        elif self._deadline is None and self._watch.changed():
            with self._alone:
                outcome = self._reload(None)
                if outcome.changed or not outcome.ok:
                    self._told(outcome)

    def _remaining(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    # -- the work ----------------------------------------------------------------------------

    def _reload(self, confirm: float | None) -> Outcome:
        start = time.monotonic()
        try:
            loaded = _slice_by_slice(self._reader.load(self._path, self._now.digest))
        except ConfigError as error:
            LOG.error("%s: refused, the table in force stays\n%s", self._path, error)
            seconds = time.monotonic() - start
            return Outcome(False, seconds, str(error), error.problems, error.warnings)
        if loaded is not None:
            self._put_in_force(_in_force(loaded.config, loaded.digest))
            for problem in loaded.warnings:
                LOG.warning("%s", problem.render())
        within = self._on_trial(confirm)
        warnings = () if loaded is None else loaded.warnings
        seconds = time.monotonic() - start
        if loaded is not None:
            trial = "" if within is None else f"; taken back after {within:g} s unless confirmed"
            LOG.info("%s: in force after %.3f s%s", self._path, seconds, trial)
        return Outcome(loaded is not None, seconds, "", (), warnings, within)

    def _put_in_force(self, new: _InForce) -> None:
        self._before, self._now = self._now, new
        _slice_by_slice(self._apply(new.config))

    def _on_trial(self, confirm: float | None) -> float | None:
        """Start the trial of a change that is this young, if one is wanted."""
        young = confirm is not None and time.monotonic() - self._now.since <= confirm
        if confirm is None or self._before is None or not young:
            return None
        self._deadline = time.monotonic() + confirm
        return confirm

    def _take_back(self) -> None:
        with self._alone:
            self._deadline = None
            if self._before is None:
                return
            before = self._before
            self._put_in_force(_in_force(before.config, before.digest))
            self._before = None
            LOG.warning("%s: not confirmed, the table before it is in force again", self._path)

    def _told(self, outcome: Outcome) -> Outcome:
        self._last = outcome, time.time()
        return outcome


def _in_force(config: Config, digest: bytes) -> _InForce:
    return _InForce(config, digest, time.monotonic(), time.time())


def _slice_by_slice(work: Generator[None, None, Value]) -> Value:
    """Work to its end, the others having their turn after each slice."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Value = end.value
            return result
        hub.sleep(0)


def first(path: str, reader: Reader) -> Loaded:
    """The table to begin with, while nobody has to be answered. Raises `ConfigError`."""
    loaded = _slice_by_slice(reader.load(path))
    assert loaded is not None, "no digest is known"
    return loaded
