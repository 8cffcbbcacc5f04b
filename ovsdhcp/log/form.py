"""Records of `logging` in one form, logfmt or JSON: when, how grave, what, and by whom.

What says itself by keys (`Fields`) stands as it is; of any other record its text is `msg`, and its
traceback one escaped value, `trace`.
"""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache

from ovsdhcp.log import logfmt
from ovsdhcp.log.logfmt import Fields, Value

VARIABLE = "OVSDHCP_LOG_FORMAT"
LINES: Mapping[str, Callable[[Mapping[str, Value]], str]] = {
    "logfmt": logfmt.line,
    "json": json.dumps,
}
"""A form's name, as `$OVSDHCP_LOG_FORMAT` has it, and who makes its lines. All are ASCII."""

OURS = "ovsdhcp"
"""The logger that need not be named."""


class Form(logging.Formatter):
    """A record as one line, whatever is in it."""

    def __init__(self, line: Callable[[Mapping[str, Value]], str]) -> None:
        super().__init__()
        self._line = line

    def format(self, record: logging.LogRecord) -> str:
        """Never raises for what a record says."""
        return self._line(_fields(record))


def _fields(record: logging.LogRecord) -> dict[str, Value]:
    fields: dict[str, Value] = {"ts": stamp(record.created), "level": record.levelname.lower()}
    if isinstance(record.msg, Fields):
        return fields | record.msg
    if record.name != OURS:
        fields["logger"] = record.name
    fields["msg"] = _text(record).strip()
    if record.exc_info and record.exc_info[0] is not None:
        fields["trace"] = "".join(traceback.format_exception(*record.exc_info)).rstrip()
    return fields


def stamp(seconds: float) -> str:
    """A time since 1970, in ISO 8601 and UTC with milliseconds."""
    whole, fraction = divmod(seconds, 1)
    return f"{_second(int(whole))}.{int(fraction * 1000):03}Z"


@lru_cache(maxsize=2)  # a thousand lines of a second have it in common
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def _text(record: logging.LogRecord) -> str:
    """What it says, even where its arguments do not fit: what went wrong must not get lost."""
    try:
        return record.getMessage()
    except Exception:
        return f"{record.msg} {record.args}"
