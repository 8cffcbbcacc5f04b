"""The manual pages say what `--help` says today, and man has nothing to complain of."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manual import roff
from manual.commands import named
from manual.pages import FOLDER, PAGES
from ovsdhcp.cli import main

MAN = pytest.mark.skipif(shutil.which("man") is None, reason="no man")


@pytest.mark.parametrize("page", PAGES)
def test_it_is_fresh(page: str) -> None:
    assert (FOLDER / page).read_text() == PAGES[page](), "make it with `python -m manual`"


def test_there_are_no_others() -> None:
    assert {str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.*")} == set(PAGES)


def shown(file: Path) -> "subprocess.CompletedProcess[str]":
    """As man shows it, with the complaints of groff."""
    argv = ("man", "--warnings", "-P", "cat", "-l", str(file))
    environment = {"MANWIDTH": "1000", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    return subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)


@MAN
@pytest.mark.parametrize("page", PAGES)
def test_man_shows_it(page: str) -> None:
    assert shown(FOLDER / page).stderr == ""


@MAN
def test_every_command_and_option_is_there() -> None:
    text = shown(FOLDER / "man1/ovsdhcp.1").stdout
    for name, command in named(main, click.Context(main)):
        assert f"ovsdhcp {name}" in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in text, f"{name} {parameter.opts[0]}"


@MAN
@settings(max_examples=2 * settings().max_examples // 5, deadline=None)
@given(text=st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1))
def test_text_is_shown_as_it_is(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also what begins like a request, a comment or an escape of roff."""
    text = text.replace("`", "")
    file = tmp_path_factory.getbasetemp() / "page.1"
    lines = (*roff.title("page", 1, "1"), roff.section("name"), *roff.term("name", f"{text}|term"))
    file.write_text(roff.page((*lines, *roff.prose(f"{text}|prose"))))
    said = shown(file)
    assert said.stderr == ""
    assert f" {text}|term" in said.stdout
    assert f" {text}|prose" in said.stdout
