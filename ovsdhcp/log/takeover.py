"""Whatever this process has to say goes into the log: Ryu's records, warnings, lost exceptions."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

from eventlet import hubs

from ovsdhcp.log import form
from ovsdhcp.log.form import LINES, Form
from ovsdhcp.log.writer import Writer, is_journal

LOG = logging.getLogger("ovsdhcp")

STDERR = 2

Raised = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def take_over(form_name: str = "") -> Writer | None:
    """Give every line of the log one form, in place of the handler that Ryu has for stderr.

    Handlers that somebody asked for (Ryu's `--log-file`, `--use-syslog`) stay, in the same form.
    Where stderr has none (`--nouse-stderr`, `--log-config-file`) it gets none, and nothing
    changes. Raises ValueError for a form that is not known.
    """
    if (form_name or "logfmt") not in LINES:
        known = " or ".join(f"`{name}`" for name in LINES)
        raise ValueError(f"`{form_name}` is not a form of the log: {known} (${form.VARIABLE})")
    root = logging.getLogger()
    theirs = [one for one in root.handlers if _is_stderr(one)]
    if not theirs:
        return None
    for handler in theirs:
        root.removeHandler(handler)
    writer = Writer(STDERR, priorities=is_journal(STDERR))
    root.addHandler(writer)
    for handler in root.handlers:
        handler.setFormatter(Form(LINES[form_name or "logfmt"]))
    logging.captureWarnings(True)
    # what no form of ours says need not be found out for each record, at half of its cost
    for unsaid in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, unsaid, False)
    _catch_exceptions()
    return writer


def _is_stderr(handler: logging.Handler) -> bool:
    return type(handler) is logging.StreamHandler and handler.stream is sys.stderr


def _catch_exceptions() -> None:
    """What nobody caught is told in one line each, where Python and eventlet would print many."""
    sys.excepthook = lambda *raised: _tell("uncaught", raised)
    sys.unraisablehook = lambda args: _tell(
        "ignored", (args.exc_type, args.exc_value, args.exc_traceback)
    )
    threading.excepthook = lambda args: _tell("a thread ended", args[:3])
    hub: Any = hubs.get_hub()
    hub.squelch_timer_exception = lambda timer, raised: _tell("a timer failed", raised)
    hub.squelch_generic_exception = lambda raised: _tell("the hub went on", raised)
    hub.squelch_exception = _forget_descriptor


def _forget_descriptor(fd: int, raised: Raised) -> None:
    """As the hub has it: who waited for this descriptor has failed."""
    _tell(f"descriptor {fd} is no longer waited for", raised)
    hubs.get_hub().remove_descriptor(fd)


def _tell(what: str, raised: Raised) -> None:
    kind, value, trace = raised
    if kind is not None:
        value = value or kind()
        LOG.critical("%s: %r", what, value, exc_info=(kind, value, trace))
