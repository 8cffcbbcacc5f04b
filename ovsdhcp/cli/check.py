"""`ovsdhcp check`."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click

from ovsdhcp.cli.progress import expected
from ovsdhcp.config.loading import load
from ovsdhcp.config.problems import SHOWN, ConfigError, Place, Problem, Severity, printable
from ovsdhcp.config.table import Config
from ovsdhcp.service import config_path


@click.command()
@click.argument(
    "files", type=click.Path(path_type=Path, readable=False), nargs=-1, metavar="[FILE]..."
)
@click.option("--json", "form", flag_value="json", help="The same as --format=json.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json", "github")),
    default="text",
    show_default=True,
    help="For people, for machines, or as annotations of GitHub's checks.",
)
def check(files: tuple[Path, ...], form: str) -> None:
    """Say all that is wrong with lease tables, and what is odd.

    Without FILE it is the one that the server reads: $OVSDHCP_CONFIG, else
    /etc/ovsdhcp/ovsdhcp.yaml.

    Exit status: 0 the tables can be used (there may be warnings), 1 there are errors, 2 the command
    line is wrong.

    \b
    ovsdhcp check
    ovsdhcp check --format=json configs/*.yaml
    """
    found: list[Problem] = []
    for file in files or (config_path(),):
        config, problems = _checked(file)
        click.echo(_summary(file, config, problems), err=True)
        found += problems
    text = _FORMS[form](found)
    if text:
        click.echo(text)
    if any(problem.severity is Severity.ERROR for problem in found):
        raise click.exceptions.Exit(1)


def _checked(file: Path) -> tuple[Config | None, list[Problem]]:
    """The table, if it can be used, and what is wrong or odd, in the file's order."""
    warnings: list[Problem] = []
    try:
        with expected(f"checking {file.name}", _probable_seconds(file)):
            return load(file, warnings), warnings
    except ConfigError as error:
        problems = [*error.problems, *error.warnings]
        return None, sorted(problems, key=lambda problem: (problem.line, problem.column))


_OCTETS_A_SECOND = 2.5e6
"""What was measured: 100,000 hosts, 5.4 MB, in 2.2 s; a table with errors is read twice."""


def _probable_seconds(file: Path) -> float:
    try:
        return 0.1 + file.stat().st_size / _OCTETS_A_SECOND
    except (OSError, ValueError):  # `load` says what is the matter
        return 1.0


def _summary(file: Path, config: Config | None, problems: Iterable[Problem]) -> str:
    """One line: what the table holds, and how much is wrong."""
    counts = Counter(problem.severity for problem in problems)
    told = [_counted(counts[severity], severity.value) for severity in Severity if counts[severity]]
    if config is not None:
        ports = [port for bridge in config.bridges for port in bridge.ports]
        clients = sum(len(port.bindings) for port in ports)
        held = ((len(config.bridges), "bridge"), (len(ports), "port"), (clients, "client"))
        told = [*(_counted(number, what) for number, what in held), *told]
    return printable(f"{file}: {', '.join(told)}")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


# -- the three forms -------------------------------------------------------------------------


def _text(problems: list[Problem]) -> str:
    shown = [problem.render() for problem in problems[:SHOWN]]
    if len(problems) > SHOWN:
        shown.append(f"... and {_counted(len(problems) - SHOWN, 'more problem')}")
    return "\n\n".join(shown)


def _json(problems: list[Problem]) -> str:
    """The keys are stable; places count from 1, and a file as a whole has none."""
    return json.dumps([_as_json(problem) for problem in problems], indent=2)


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        **_place(problem.place),
        "severity": problem.severity.value,
        "code": problem.code,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
        "clash": {"path": problem.clash_path, **_place(problem.clash)}
        if problem.clash_path
        else None,
    }


def _place(place: Place) -> dict[str, int | None]:
    if not place.line:
        return {"line": None, "column": None, "end_column": None}
    return {"line": place.line, "column": place.column, "end_column": place.column + place.width}


def _github(problems: list[Problem]) -> str:
    return "\n".join(map(_annotation, problems))


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions (https://docs.github.com/actions)."""
    properties = {"file": problem.file, "title": problem.code}
    if problem.line:
        end = problem.column + problem.place.width - 1
        properties |= {"line": str(problem.line), "col": str(problem.column), "endColumn": str(end)}
    told = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    sentences = _escaped("\n".join(_sentences(problem)))
    return f"::{problem.severity.value} {told}::{sentences}"


def _sentences(problem: Problem) -> Iterator[str]:
    yield f"{problem.path}: {problem.message}" if problem.path else problem.message
    if problem.clash_path:
        yield f"also: line {problem.clash.line}, {problem.clash_path}"
    if problem.hint:
        yield f"hint: {problem.hint}"


def _escaped(text: str, more: str = "") -> str:
    return "".join(f"%{ord(c):02X}" if c in f"%\r\n{more}" else c for c in printable(text))


_FORMS: Mapping[str, Callable[[list[Problem]], str]] = {
    "text": _text,
    "json": _json,
    "github": _github,
}
