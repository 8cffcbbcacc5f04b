"""Of every file in `wrong/`, `ovsdhcp check` says what the text beside it says, and status 1.

After a change that is meant, write the texts anew and read the difference:
    OVSDHCP_GOLDEN=write .venv/bin/python -m pytest tests/config/test_wrong_files.py
"""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main

WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))


def check(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments, path.name])


@pytest.fixture(autouse=True)
def _in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(WRONG[0].parent)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    golden = path.with_suffix(".txt")
    result = check(path)
    if os.environ.get("OVSDHCP_GOLDEN") == "write":
        golden.write_text(result.stdout)
    assert (result.exit_code, result.stdout) == (1, golden.read_text())


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_every_place_is_in_the_file(path: Path) -> None:
    """The line that is shown is the file's, and the carets are within it."""
    lines = re.split("\r\n|\r|\n", path.read_bytes().decode("utf-8-sig", errors="replace"))
    for line, column in re.findall(rf"^(?:also: )?{path.name}:(\d+):(\d+)", check(path).stdout):
        assert 1 <= int(column) <= len(lines[int(line) - 1]) + 1


def test_no_sentence_of_pydantic_or_python_is_shown() -> None:
    text = "\n".join(check(path).output for path in WRONG)
    for sentence in (
        "Input should be",
        "Extra inputs",
        "Field required",
        "valid string",
        "pydantic",
        "Traceback",
        "None",
        "True",
        "not understood",
    ):
        assert sentence not in text


def test_nothing_moves_the_terminal() -> None:
    assert "\x1b" not in "\n".join(check(path).output for path in WRONG)
