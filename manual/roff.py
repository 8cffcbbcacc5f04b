"""Text as man(7) wants it: paragraphs, terms, and nothing that is a request by mistake."""

import inspect
import re
from collections.abc import Iterable, Iterator

Line = str

_CODE = re.compile(r"`([^`\n]+)`")
_UNWRAPPED = "\b"
"""click's mark in front of a paragraph that is not to be filled."""


def title(name: str, section: int, version: str) -> Iterator[Line]:
    """The page's head and foot."""
    yield '.\\" Made by `python -m manual`; do not edit.'
    yield f'.TH {escaped(name.upper())} {section} "" "ovsdhcp {version}" "ovsdhcp"'


def section(name: str) -> Line:
    """A heading."""
    return f".SH {escaped(name.upper())}"


def subsection(name: str) -> Line:
    """A heading below a heading."""
    return f".SS {escaped(name)}"


def prose(text: str) -> Iterator[Line]:
    """Paragraphs, divided by empty lines; `code` in bold; click's unwrapped ones as they stand."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        lines = paragraph.strip("\n").splitlines()
        if lines and lines[0].strip() == _UNWRAPPED:
            yield from (".PP", ".nf", ".RS", *map(_words, lines[1:]), ".RE", ".fi")
        elif lines:
            yield from (".PP", *(_words(line.strip()) for line in lines))


def term(name: str, text: str) -> Iterator[Line]:
    """A name, and indented what it is."""
    yield from (".TP", f"\\fB{escaped(name)}\\fP")
    yield from (_words(line.strip()) for line in text.splitlines())


def page(lines: Iterable[Line]) -> str:
    """All of it."""
    return "\n".join(lines) + "\n"


def _words(line: str) -> Line:
    return _CODE.sub(r"\\fB\1\\fP", escaped(line))


def escaped(text: str) -> Line:
    """Backslashes and hyphens as they are; a dot or quote in front begins no request."""
    line = text.replace("\\", r"\(rs").replace("-", r"\-")
    return rf"\&{line}" if line[:1] in {".", "'"} else line
