"""Which pages there are."""

from collections.abc import Callable, Mapping
from pathlib import Path

from manual import commands, table

FOLDER = Path(__file__).parents[1] / "man"
PAGES: Mapping[str, Callable[[], str]] = {
    "man1/ovsdhcp.1": commands.page,
    "man5/ovsdhcp.yaml.5": table.page,
}
"""A page's file, and who makes it."""
