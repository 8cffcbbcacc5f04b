"""Every file in `wrong/` is refused with the text beside it.

After a change that is meant, write the texts anew and read the difference:
    OVSDHCP_GOLDEN=write .venv/bin/python -m pytest tests/config/test_wrong_files.py
"""

import os
from pathlib import Path

import pytest

from ovsdhcp.config.loading import loads
from ovsdhcp.config.problems import ConfigError

WRONG = sorted((Path(__file__).parent / "wrong").glob("*.yaml"))


def refusal(path: Path) -> str:
    warnings: list[object] = []
    with pytest.raises(ConfigError) as caught:
        loads(path.read_text(), path.name)
    warnings += caught.value.warnings
    return f"{caught.value}\n"


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_message(path: Path) -> None:
    golden = path.with_suffix(".txt")
    text = refusal(path)
    if os.environ.get("OVSDHCP_GOLDEN") == "write":
        golden.write_text(text)
    assert text == golden.read_text()


def test_no_sentence_of_pydantic_is_shown() -> None:
    text = "\n".join(refusal(path) for path in WRONG)
    for sentence in (
        "Input should be",
        "Extra inputs",
        "Field required",
        "valid string",
        "pydantic",
    ):
        assert sentence not in text


def test_nothing_moves_the_terminal() -> None:
    assert "\x1b" not in "\n".join(refusal(path) for path in WRONG)
