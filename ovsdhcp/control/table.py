"""The table in force: the verbs `reload` and `confirm`, and what `status` says of it."""

from collections.abc import Generator, Mapping
from typing import Any

from ovsdhcp.config.problems import Problem
from ovsdhcp.control.protocol import WRONG_ARGUMENT, ControlError, Document
from ovsdhcp.control.running import moment
from ovsdhcp.reloading import Outcome, Reloading

Items = Generator[Document | None, None, None]

LONGEST_TRIAL = 86_400.0
"""Seconds: whoever has not confirmed within a day has forgotten it."""


def reload(reloading: Reloading, arguments: Mapping[str, Any]) -> Items:
    """Have what is in the file in force; `confirm` in the arguments are the seconds of a trial."""
    confirm = arguments.get("confirm")
    if confirm is not None and not (
        isinstance(confirm, int | float) and 0 < confirm <= LONGEST_TRIAL
    ):
        raise ControlError(
            WRONG_ARGUMENT, f"`confirm` is {confirm!r}", f"seconds, at most {LONGEST_TRIAL:g}"
        )
    yield {"reload": document(reloading.reload(confirm))}


def confirm(reloading: Reloading, arguments: Mapping[str, Any]) -> Items:
    """Keep the table that is on trial; `confirmed` says whether one was."""
    yield {"confirmed": reloading.confirm()}


def status(reloading: Reloading) -> Document:
    """The table in force, and what the last reload came to."""
    said = reloading.status()
    last = None
    if said.last_reload is not None and said.last_at is not None:
        last = {"at": moment(said.last_at), **document(said.last_reload)}
    return {
        "path": said.source,
        "sha256": said.digest.hex(),
        "loaded": moment(said.since),
        "confirm_within": said.confirm_within,
        "last_reload": last,
    }


def document(outcome: Outcome) -> Document:
    """The keys are stable: ok, changed, seconds, confirm_within, error, problems, warnings."""
    return {
        "ok": outcome.ok,
        "changed": outcome.changed,
        "seconds": round(outcome.seconds, 3),
        "confirm_within": outcome.confirm_within,
        "error": outcome.error,
        "problems": [_problem(problem) for problem in outcome.problems],
        "warnings": [_problem(problem) for problem in outcome.warnings],
    }


def _problem(problem: Problem) -> Document:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "key": problem.path,
        "code": problem.code,
        "message": problem.message,
        "hint": problem.hint,
    }
