"""The examples with one thing wrong at a time: told where it is wrong, or nothing is wrong.

For more of it than each run has, set $OVSDHCP_MUTATIONS to some ten thousand.
"""

import os
from pathlib import Path
from random import Random

import pytest

from ovsdhcp.config.loading import parsed
from ovsdhcp.config.problems import ConfigError, Problem
from ovsdhcp.config.syntax import lines_of
from tests.config.mutations import OF_LINE, Mutation, mutated

CONFIGS = Path(__file__).parents[2] / "configs"
EXAMPLES = [path.read_text() for path in sorted(CONFIGS.glob("*.yaml"))]
TIMES = int(os.environ.get("OVSDHCP_MUTATIONS", "1500")) // len(OF_LINE)

ELSEWHERE = {
    "dropped",  # what needs the line is told
    *("indented", "outdented", "less", "more", "control"),  # YAML may go on for a while
}
"""Kinds of mutation of which the error may be on another line."""


def problems_of(mutation: Mutation) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings; whatever else is raised fails the test."""
    warnings: list[Problem] = []
    try:
        parsed(mutation.octets, "t.yaml", warnings)
    except ConfigError as error:
        return list(error.problems), list(error.warnings)
    return [], warnings


@pytest.mark.parametrize("kind", OF_LINE)
def test_what_is_wrong_is_told_where_it_is(kind: str) -> None:
    random, done, refused = Random(kind), 0, 0
    while done < TIMES:
        mutation = mutated(random.choice(EXAMPLES), kind, random)
        if mutation is None:
            continue
        errors, warnings = problems_of(mutation)
        done, refused = done + 1, refused + bool(errors)
        lines = lines_of(mutation.octets.decode("utf-8-sig", "replace"))
        for problem in (*errors, *warnings):
            assert 1 <= problem.line <= len(lines), problem
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
        if errors and kind not in ELSEWHERE:
            told = {line for it in errors for line in (it.line, it.clash.line)}
            assert told & {mutation.line, mutation.line + 1}, (mutation.octets.decode(), errors)
    assert refused > done // 2
