"""A line is a line, and holds what was put in, whatever a guest or a port is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.log import logfmt
from tests.log.reader import read

NASTY = st.text() | st.text(alphabet=' "=\\\n\r\t\0\x1b[]\x7f\x85\u202e\u2066\u2028\ufeff\ud800a')


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("vm5", "vm5"),
        ("02:ac:10:ff:01:30", "02:ac:10:ff:01:30"),
        (-5, "-5"),
        ("", '""'),
        ("port 5", '"port 5"'),
        ("a=b", '"a=b"'),
        ('say "hi"', r'"say \"hi\""'),
        (r"C:\boot", r'"C:\\boot"'),
        ("two\nlines", r'"two\nlines"'),
        ("\x1b[2Jcleared", r'"\u001b[2Jcleared"'),
        ("\x9b2J", r'"\u009b2J"'),
        ("\x7f", r'"\u007f"'),
        ("\u202egnp.exe", r'"\u202egnp.exe"'),
        ("büro", r'"b\u00fcro"'),
        ("\U0001f600", r'"\ud83d\ude00"'),
        ("\udcff", r'"\udcff"'),
    ],
)
def test_a_value_is_bare_or_a_string_in_ascii(value: str | int, written: str) -> None:
    assert logfmt.line({"port": value}) == f"port={written}"


@given(st.dictionaries(st.from_regex(r"\A[a-z_]+\Z"), NASTY, min_size=1))
def test_a_line_is_one_line_of_printable_ascii_and_reads_back(fields: dict[str, str]) -> None:
    line = logfmt.line(fields)
    assert line.isascii()
    assert line.isprintable()
    assert read(line) == fields
