"""What is wrong with a lease table, said to the person who wrote it.

A check finds a `Finding`: it knows the key, not where that stands. `places` turns findings into
`Problem`s with line and column, and a `Problem` renders itself in the form of compilers
(`file:line:column: error[code]: key: message`), so that editors and terminals can jump there.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

Path = tuple[str | int, ...]
"""Keys and list positions from the document's root to a value."""

MISSING = "missing-key"
"""The code of the finding that a key is needed and not there."""

SHOWN = 100
"""How many problems `str(ConfigError)` renders; `ConfigError.problems` holds them all."""

_EXCERPT_WIDTH = 120


class Severity(Enum):
    """Whether the table can be used."""

    ERROR = "error"
    WARNING = "warning"


class At(Enum):
    """Which part of a path's entry a finding is about."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Place:
    """A span in the file: `line` and `column` count from 1, `line` 0 is the file as a whole.

    `text` is the source line, `width` how many of its characters the span takes.
    """

    line: int = 0
    column: int = 0
    width: int = 1
    text: str = ""


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at `path`; `clash` is the path of the entry that it clashes with.

    `place` is given only where `path` does not lead to it: for the second of two equal keys.
    """

    path: Path
    code: str
    message: str
    hint: str = ""
    at: At = At.VALUE
    clash: Path | None = None
    severity: Severity = Severity.ERROR
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding with its place in the file, and the place of what it clashes with."""

    file: str
    place: Place
    path: str
    code: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    clash_path: str = ""
    clash: Place = NOWHERE

    @property
    def line(self) -> int:
        """The line, from 1; 0 when the problem is the whole file's."""
        return self.place.line

    @property
    def column(self) -> int:
        """The column in characters, from 1; 0 when the problem is the whole file's."""
        return self.place.column

    def render(self) -> str:
        """The problem as text of several lines, without a line end after the last."""
        key = f"{shortened(self.path)}: " if self.path else ""
        head = f"{_address(self.file, self.place)}: {self.severity.value}[{self.code}]: "
        parts = [printable(f"{head}{key}{self.message}"), *_excerpt(self.place)]
        if self.clash_path:
            where = _address(self.file, self.clash)
            parts.append(printable(f"also: {where}: {shortened(self.clash_path)}"))
        if self.hint:
            parts += ["", printable(f"hint: {self.hint}")]
        return "\n".join(parts)


class ConfigError(Exception):
    """A lease table that cannot be used: every problem that was found, in the file's order.

    `warnings` are the problems beside them that alone would not have stopped the table; `more` is
    how many problems are left out of a table that was read elsewhere.
    """

    def __init__(
        self, problems: Iterable[Problem], warnings: Iterable[Problem] = (), more: int = 0
    ) -> None:
        self.problems = tuple(problems)
        self.warnings = tuple(warnings)
        self.more = more
        super().__init__(self.problems)

    def __str__(self) -> str:
        """The first problems rendered, and how many there are besides."""
        shown = [problem.render() for problem in self.problems[:SHOWN]]
        more = len(self.problems) - len(shown) + self.more
        if more:
            shown.append(f"... and {more} more problems")
        return "\n\n".join(shown)


@dataclass(slots=True)
class Report:
    """Collects findings. An entry that is wrong already is not called wrong a second time.

    A path is where an entry belongs. What stands elsewhere in the file, under a misspelled key, is
    told by where it stands, and so it is kept.
    """

    findings: list[Finding] = field(default_factory=list)
    _wrong: set[Path] = field(default_factory=set)
    _excused: set[Path] = field(default_factory=set)
    _stands: dict[Path, Path] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Take note of a finding."""
        if self._stands:
            clash = None if finding.clash is None else self._written(finding.clash)
            finding = replace(finding, path=self._written(finding.path), clash=clash)
        if finding.severity is Severity.ERROR:
            known = self._excused if finding.code == MISSING else self._wrong
            if finding.path in known and finding.place is None:
                return
            self._wrong.add(finding.path)
            self._excused.add(finding.path)
        self.findings.append(finding)

    def error(
        self, path: Path, code: str, message: str, hint: str = "", *, clash: Path | None = None
    ) -> None:
        """Note that the value at `path` is wrong."""
        self.add(Finding(path, code, message, hint, clash=clash))

    def warning(
        self, path: Path, code: str, message: str, hint: str = "", *, clash: Path | None = None
    ) -> None:
        """Note that the value at `path` is legal and odd."""
        self.add(Finding(path, code, message, hint, clash=clash, severity=Severity.WARNING))

    def excuse(self, path: Path) -> None:
        """Do not say that the entry at `path` is missing: another finding explains that."""
        self._excused.add(self._written(path))

    def misplaced(self, finding: Finding, path: Path) -> None:
        """Note a key that is wrong, whose value is to be taken for what belongs at `path`."""
        there = self._written(finding.path)
        self.findings.append(replace(finding, path=there))
        self._stands[path] = there

    def wrong(self, *paths: Path) -> bool:
        """Whether one of exactly these paths is wrong, or excused."""
        return not self._excused.isdisjoint(map(self._written, paths))

    def _written(self, path: Path) -> Path:
        """Where in the file that stands which belongs at `path`."""
        if not self._stands:
            return path
        there: Path = ()
        for end, step in enumerate(path, 1):
            there = self._stands.get(path[:end], (*there, step))
        return there

    @property
    def failed(self) -> bool:
        """Whether any error was found."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def dotted(path: Path) -> str:
    """A path as people write it: `bridges.br-int.ports."eth0.100".hosts[1].mac`."""
    return "".join(_step(step) for step in path).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    plain = step and not set(step) & set('."[] \t\n')
    return f".{step}" if plain else f'."{step}"'


_WORDS: Mapping[type, str] = {
    dict: "a mapping",
    list: "a list",
    type(None): "nothing",
}


def shown(value: object) -> str:
    """A value of the table in a message: in backticks, shortened; `nothing`, `a list`."""
    if type(value) in _WORDS:
        return _WORDS[type(value)]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not text:
        return "empty text"
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def shortened(message: str) -> str:
    """A message that quotes what is in the file, no longer than a person reads."""
    return message if len(message) <= 200 else message[:197] + "..."


def printable(text: str) -> str:
    """`text` without the characters that would move a terminal's cursor or change its colours."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\t\n" else "\ufffd" for c in text)


def _address(file: str, place: Place) -> str:
    return f"{file}:{place.line}:{place.column}" if place.line else file


def _excerpt(place: Place) -> list[str]:
    """The source line with carets under the span; long lines are cut to what is around it."""
    if not place.line:
        return []
    start = max(0, place.column - 1 - _EXCERPT_WIDTH // 2)
    text = printable(place.text[start : start + _EXCERPT_WIDTH].rstrip()).replace("\n", "\ufffd")
    before = place.column - 1 - start
    blank = "".join("\t" if c == "\t" else " " * _cells(c) for c in text[:before])
    blank += " " * (before - len(text))  # the place is behind the line's end
    carets = "^" * max(1, sum(map(_cells, text[before : before + place.width])))
    number = f"{place.line:3}"
    margin = " " * len(number)
    return [f"{margin}|", f"{number}| {text}", f"{margin}| {blank}{carets}"]


def _cells(character: str) -> int:
    """How many columns of a terminal a character takes (Unicode Standard Annex 11)."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
