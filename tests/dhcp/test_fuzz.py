"""The fuzzer: what it found before is judged again, and in the full test it looks for more."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dhcp.fuzz import corpus
from tests.dhcp.judge import judge, shaped
from tests.dhcp.wire import bootp, discover, frame

_SECONDS = 20


def test_the_corpus_is_answered_soundly() -> None:
    inputs = corpus()
    assert len(inputs) > 100
    for octets in inputs:
        judge(shaped(octets))


def test_an_input_is_a_frame_by_its_first_octet() -> None:
    assert shaped(b"f" + discover()) == discover()
    assert shaped(b"m" + discover()[42:]) == frame(discover()[42:])
    assert shaped(b"o\xff") == frame(bootp(1)[:240] + b"\xff")
    assert shaped(b"") == b""


@pytest.mark.slow
@pytest.mark.parametrize("way", [[], ["--blind"]], ids=["guided-if-there-is-atheris", "blind"])
def test_nothing_is_found_in_a_while(way: list[str]) -> None:
    command = [sys.executable, "-m", "tests.dhcp.fuzz", str(_SECONDS // 2), *way]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    assert int(re.findall(r"(\d+) (?:inputs|runs) in ", said)[-1]) > 1000
