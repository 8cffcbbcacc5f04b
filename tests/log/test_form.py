"""Records of all kinds in one form."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.log import form
from ovsdhcp.log.form import LINES, Form
from ovsdhcp.log.logfmt import Fields
from tests.log.reader import read
from tests.log.test_logfmt import NASTY

AT = 1795464700.1239


def record(message: object, *args: object, name: str = "ovsdhcp") -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "app.py", 1, message, args, None)
    made.created = AT
    return made


@pytest.mark.parametrize(
    ("made", "logfmt", "as_json"),
    [
        pytest.param(
            record("bridge %s: connected", "br-int"),
            'ts=2026-11-23T20:11:40.123Z level=warning msg="bridge br-int: connected"',
            '{"ts": "2026-11-23T20:11:40.123Z", "level": "warning", '
            '"msg": "bridge br-int: connected"}',
            id="ours",
        ),
        pytest.param(
            record("hub: uncaught exception: %s", "Traceback\n  File\n", name="ryu.lib.hub"),
            "ts=2026-11-23T20:11:40.123Z level=warning logger=ryu.lib.hub "
            r'msg="hub: uncaught exception: Traceback\n  File"',
            '{"ts": "2026-11-23T20:11:40.123Z", "level": "warning", "logger": "ryu.lib.hub", '
            r'"msg": "hub: uncaught exception: Traceback\n  File"}',
            id="of several lines, and Ryu's",
        ),
        pytest.param(
            record(Fields(event="nak", port="vm 5", us=61)),
            'ts=2026-11-23T20:11:40.123Z level=warning event=nak port="vm 5" us=61',
            '{"ts": "2026-11-23T20:11:40.123Z", "level": "warning", "event": "nak", '
            '"port": "vm 5", "us": 61}',
            id="by keys",
        ),
        pytest.param(
            record("%d ports", "no number"),
            "ts=2026-11-23T20:11:40.123Z level=warning msg=\"%d ports ('no number',)\"",
            '{"ts": "2026-11-23T20:11:40.123Z", "level": "warning", '
            '"msg": "%d ports (\'no number\',)"}',
            id="that does not fit its arguments",
        ),
    ],
)
def test_a_record(made: logging.LogRecord, logfmt: str, as_json: str) -> None:
    assert Form(LINES["logfmt"]).format(made) == logfmt
    assert Form(LINES["json"]).format(made) == as_json


def test_a_traceback_is_one_field() -> None:
    failed = record("flow_stats failed")
    try:
        raise ValueError("wrong\nby two lines")
    except ValueError:
        failed.exc_info = sys.exc_info()
    fields = read(Form(LINES["logfmt"]).format(failed))
    assert fields["msg"] == "flow_stats failed"
    first, *_, last, more = fields["trace"].splitlines()
    assert (first, last, more) == (
        "Traceback (most recent call last):",
        "ValueError: wrong",
        "by two lines",
    )


@given(st.dictionaries(st.sampled_from(["port", "hostname", "client_id"]), NASTY), NASTY)
def test_what_a_guest_is_called_stays_in_its_field(said: dict[str, str], text: str) -> None:
    for made, expected in ((record(Fields(said)), said), (record(text), {"msg": text.strip()})):
        head = {"ts": form.stamp(AT), "level": "warning"}
        for name, reading in (("logfmt", read), ("json", json.loads)):
            line = Form(LINES[name]).format(made)
            assert line.isascii()
            assert line.isprintable()
            assert reading(line) == head | expected
