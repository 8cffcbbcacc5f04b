"""Which pages there are."""

from collections.abc import Callable, Mapping
from pathlib import Path

from manual import commands

FOLDER = Path(__file__).parents[1] / "man"
PAGES: Mapping[str, Callable[[], str]] = {
    "man1/ovsdhcp.1": commands.page,
}
"""A page's file, and who makes it."""
