"""A file, or text, to a Config: every mistake at once, each with its place."""

import os
from collections.abc import Mapping
from pathlib import Path as FilePath

from ovsdhcp.config import json_text
from ovsdhcp.config.assembly import assembled
from ovsdhcp.config.places import problems, with_text
from ovsdhcp.config.problems import (
    NOWHERE,
    ConfigError,
    Place,
    Problem,
    Report,
    Severity,
)
from ovsdhcp.config.reading import read
from ovsdhcp.config.syntax import UnreadableError, lines_of
from ovsdhcp.config.table import Config
from ovsdhcp.config.validation import validated


def load(path: str | os.PathLike[str], warnings: list[Problem] | None = None) -> Config:
    """Read the lease table at `path`.

    Raises `ConfigError` with every problem of the file, one that cannot be read included. What is
    legal and odd is appended to `warnings`, if that is given.
    """
    name = os.fspath(path)
    return parsed(octets_of(name), name, warnings)


_PRIVATE_KEY = b"PRIVATE KEY-----"


def octets_of(name: str) -> bytes:
    """What is in the file. Raises `ConfigError` where it cannot be read."""
    try:
        return FilePath(name).read_bytes()
    except (OSError, ValueError) as error:  # a NUL in a name is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        hint = _HINTS.get(type(error), "")
        raise ConfigError(
            [_whole_file(name, "unreadable", f"cannot be read: {reason}", hint)]
        ) from None


def parsed(octets: bytes, name: str, warnings: list[Problem] | None = None) -> Config:
    """Read a lease table from a file's octets; otherwise like `load`."""
    if _PRIVATE_KEY in octets:  # of anything else messages show what is wrong
        hint = "give the lease table's path; nothing of this file is shown"
        raise ConfigError(
            [_whole_file(name, "private-key", "has a private key, and is no lease table", hint)]
        )
    try:
        text = octets.decode()
    except UnicodeDecodeError as error:
        raise ConfigError([_not_utf8(name, octets, error)]) from None
    return loads(text, name, warnings)


_HINTS: Mapping[type, str] = {
    FileNotFoundError: "give the lease table's path, or set $OVSDHCP_CONFIG to it",
    IsADirectoryError: "give the path of the file in it",
    PermissionError: "`ls -l` shows who may read it",
}


def loads(text: str, source: str = "<text>", warnings: list[Problem] | None = None) -> Config:
    """Read a lease table from `text`; `source` is what messages call it. Otherwise like `load`."""
    text = text.removeprefix("\ufeff")
    values, report = json_text.read(text), Report()
    if values is not None:
        config = _config(values, source, report)
        if config is not None and not report.findings:
            return config
        # what is wrong needs its place; JSON allows tabs where YAML does not, and nowhere else
        text, report = text.replace("\t", " "), Report()
    try:
        values = read(text, report)
    except UnreadableError as error:
        place = with_text(error.place, lines_of(text))
        problem = Problem(source, place, "", error.code, error.message, error.hint)
        raise ConfigError([problem]) from None
    config = _config(values, source, report)
    found = problems(report.findings, source, text) if report.findings else ()
    odd = [problem for problem in found if problem.severity is Severity.WARNING]
    if config is None or report.failed:
        raise ConfigError([p for p in found if p.severity is Severity.ERROR], odd)
    if warnings is not None:
        warnings += odd
    return config


def _config(values: object, source: str, report: Report) -> Config | None:
    found = validated(values, report)
    return None if found is None else assembled(found[0], source, found[1], report)


def _whole_file(file: str, code: str, message: str, hint: str = "") -> Problem:
    return Problem(file, NOWHERE, "", code, message, hint)


def _not_utf8(file: str, octets: bytes, error: UnicodeDecodeError) -> Problem:
    before = lines_of(octets[: error.start].decode("utf-8-sig"))
    line = lines_of(octets.decode("utf-8-sig", errors="replace"))[len(before) - 1]
    place = Place(len(before), len(before[-1]) + 1, 1, line)
    message = f"octet {octets[error.start]:#04x} is not UTF-8"
    return Problem(file, place, "", "not-utf-8", message, "save the file as UTF-8")
