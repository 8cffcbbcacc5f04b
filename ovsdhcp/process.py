"""The process: what it allows itself, what must go on in it, and how it ends.

Exit status: 0 after SIGTERM, 130 after SIGINT, 1 where something is wrong and was named (a lease
table, a taken port, a green thread that died), 2 where the command line is.
"""

import logging
import os
import resource
import signal
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path
from typing import Any

from ryu.lib import hub

from ovsdhcp import notify

LOG = logging.getLogger("ovsdhcp")

ENDS_WITHIN = 3
"""Seconds; then the kernel ends it (SIGALRM), whatever hangs."""
LOOK_EVERY = 0.01
"""Seconds between two looks whether the listener listens by now."""
SUPERVISED_EVERY = 1.0
"""Seconds between two looks at what there is to say, where systemd's watchdog wants no more."""

_LISTEN = "0A"
"""A socket's state, as /proc/net/tcp has it."""
_STATUS = {signal.SIGTERM: 0, signal.SIGINT: 128 + signal.SIGINT}


def confine() -> None:
    """Files are the owner's alone, and there may be as many connections as the system allows."""
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a service manager may forbid it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Process:
    """Ends this process in order: by a signal, or because a part of it has died.

    `at_end` are called in their order, in a green thread; none of them may take long, and what one
    raises is told. The last to be called is `leave`, with the exit status. `at_reload` are called
    for SIGHUP, in a green thread too; systemd sees the reload last until they have returned.
    """

    def __init__(self, leave: Callable[[int], None] = os._exit) -> None:
        self.at_end: list[Callable[[], object]] = []
        self.at_reload: list[Callable[[], object]] = []
        self._one_reload = hub.Semaphore(1)
        self._leave = leave
        self._ending = False

    def heed_signals(self) -> None:
        """SIGTERM and SIGINT end it, SIGHUP reloads. In the main thread, as Python wants it."""
        for number in _STATUS:
            signal.signal(number, self._signalled)
        signal.signal(signal.SIGHUP, lambda number, frame: hub.spawn(self._reload))

    def _signalled(self, number: int, _frame: object) -> None:
        """Between two bytecodes of whatever runs, perhaps of the hub, which must not wait."""
        _not_for_ever()
        hub.spawn(self.end, _STATUS[signal.Signals(number)], signal.Signals(number).name)

    def _reload(self) -> None:
        with self._one_reload, notify.reloading():
            self._call(self.at_reload, "reloading")

    @staticmethod
    def _call(acts: list[Callable[[], object]], doing: str) -> None:
        for act in acts:
            try:
                act()
            except Exception:
                LOG.exception("%s failed", doing)

    def lives_by(self, *apps: Any) -> None:
        """Without a green thread of these Ryu applications the rest is of no use."""
        for app in apps:
            for thread in app.threads:
                self.must_live(thread, f"a green thread of {app.name}")

    def must_live(self, thread: Any, what: str) -> None:
        """When this green thread ends, so does the process."""
        thread.link(lambda _: self._died(what))

    def run(self, ports: Container[int], where: str, status: Callable[[], str]) -> None:
        """Say that all is ready once one of `ports` is listened on; then say for ever how it goes.

        In a green thread, so that systemd's watchdog notices a hub that hangs.
        """
        while not listens(ports):
            hub.sleep(LOOK_EVERY)
        LOG.info("ready: switches can connect to %s", where)
        notify.ready(status())
        watchdog = notify.watchdog_interval()
        fed = ("WATCHDOG=1",) if watchdog else ()
        said = ""
        while True:
            if (now := status()) != said:
                said = now
                notify.tell(notify.status_word(said))
            notify.tell(*fed)
            hub.sleep(min(SUPERVISED_EVERY, watchdog or SUPERVISED_EVERY))

    def _died(self, what: str) -> None:
        if not self._ending:
            LOG.critical("%s has died: the process ends, to be started again", what)
            _not_for_ever()
            hub.spawn(self.end, 1, f"{what} has died")

    def end(self, status: int, why: str) -> None:
        """Do what has to be done in the end, once, and be gone. The flows stay on the bridges."""
        if self._ending:
            return
        self._ending = True
        notify.tell("STOPPING=1", notify.status_word(f"ending: {why}"))
        LOG.info("ending: %s", why)
        self._call(self.at_end, "ending")
        logging.shutdown()
        self._leave(status)


def _not_for_ever() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(ENDS_WITHIN)


def listens(ports: Container[int]) -> bool:
    """Whether one of these TCP ports is listened on in this network namespace."""
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            lines = Path("/proc/self/net", table).read_text().splitlines()[1:]
            locals_ = (words[1] for words in map(str.split, lines) if words[3] == _LISTEN)
            if any(int(local.rpartition(":")[2], 16) in ports for local in locals_):
                return True
    return False
