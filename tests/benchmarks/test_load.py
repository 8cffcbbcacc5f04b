"""What the load asks: what was never asked before is so in each run of it, and nothing else is."""

import shutil
import subprocess

import pytest

from benchmarks.generator import SOURCE
from tests.dhcp.wire import see

HOST_NAME, CLIENT_ID = 12, 61
OFTEN = 3
PROGRAM = """
#include <stdio.h>
#include "messages.h"
int main(void)
{
    for (int kind = 0; kind < KINDS_END; kind++)
        for (int i = 0; i < %d; i++) {
            uint8_t frame[FRAME];
            size_t octets = put_question(frame, REQUEST, kind, 0, 0);
            printf("%%s ", KINDS[kind]);
            for (size_t at = 0; at < octets; at++)
                printf("%%02x", frame[at]);
            puts("");
        }
}
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """The kinds and the frames of one client, of two runs within the same second as a rule."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no gcc")
    source = tmp_path_factory.mktemp("load") / "frames.c"
    source.write_text(PROGRAM % OFTEN)
    program = source.with_suffix("")
    includes = f"-I{SOURCE.parent}"
    argv = ("gcc", "-std=gnu11", "-w", includes, "-o", str(program), str(source))
    subprocess.run(argv, check=True)
    runs = [subprocess.run(program, capture_output=True, text=True, check=True) for _ in range(2)]
    lines = [line.split() for run in runs for line in run.stdout.splitlines()]
    return [(kind, bytes.fromhex(frame)) for kind, frame in lines]


@pytest.mark.parametrize(
    ("kind", "new"),
    [("renew", ()), ("discover", ()), ("new", (CLIENT_ID,)), ("unlike", (HOST_NAME,))],
)
def test_what_is_new_in_each_question(
    asked: list[tuple[str, bytes]], kind: str, new: tuple[int, ...]
) -> None:
    frames = [see(frame) for its_kind, frame in asked if its_kind == kind]
    assert len(frames) == 2 * OFTEN
    for code in {code for frame in frames for code in frame.codes}:
        values = {frame.value(code) for frame in frames}
        assert len(values) == (len(frames) if code in new else 1), code
