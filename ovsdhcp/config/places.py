"""Where the entries of a document stand: a second pass over a text in which something is wrong."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from ovsdhcp.config.problems import (
    NOWHERE,
    At,
    Finding,
    Path,
    Place,
    Problem,
    dotted,
)
from ovsdhcp.config.reading import MERGE
from ovsdhcp.config.syntax import events, lines_of, ours, span


@dataclass(slots=True)
class Entry:
    """A value's place, its key's, and the entries inside it, if it can have any.

    `via` is the place of the alias, `*name`, by which a value from elsewhere came to be here.
    """

    value: Place
    key: Place = NOWHERE
    holds: bool = False
    via: Place = NOWHERE
    inside: dict[str | int, "Entry"] = field(default_factory=dict)


def problems(findings: Iterable[Finding], file: str, text: str) -> tuple[Problem, ...]:
    """The findings with their places in `text`, in the file's order.

    `text` is one that `reading.read` could read; `file` is the name that problems show.
    """
    root, lines = entries(text), lines_of(text)

    def place(path: Path, at: At) -> Place:
        return with_text(find(root, path, at), lines)

    def problem(finding: Finding) -> Problem:
        at = with_text(finding.place, lines) if finding.place else place(finding.path, finding.at)
        clash = finding.clash
        other = NOWHERE
        if clash is not None:
            other = place(clash, At.KEY if clash == finding.path else At.VALUE)
        if other == at:  # one value that an alias repeats: the alias is what clashes with it
            at = with_text(alias(root, finding.path), lines)
        return Problem(
            file,
            at,
            dotted(finding.path),
            finding.code,
            finding.message,
            finding.hint,
            finding.severity,
            "" if clash is None else dotted(clash),
            other,
        )

    return tuple(sorted(map(problem, findings), key=lambda problem: (problem.line, problem.column)))


def alias(root: Entry, path: Path) -> Place:
    """The place of the last alias on the way to `path`."""
    entry, found = root, NOWHERE
    for step in path:
        if step not in entry.inside:
            break
        entry = entry.inside[step]
        found = entry.via if entry.via.line else found
    return found


def find(root: Entry, path: Path, at: At) -> Place:
    """The place of `path`, or of the nearest entry around it that is in the file.

    A mapping or list on lines of its own is shown by its key, and so is what is missing from it.
    """
    entry = root
    for step in path:
        if step not in entry.inside:
            return entry.key if entry.key.line else entry.value
        entry = entry.inside[step]
    below = entry.holds and entry.value.line != entry.key.line
    return entry.key if entry.key.line and (at is At.KEY or below) else entry.value


def with_text(place: Place, lines: list[str]) -> Place:
    """`place` with its source line, and no wider than that."""
    if not 0 < place.line <= len(lines):
        return place
    text = lines[place.line - 1]
    width = max(1, min(place.width, len(text.rstrip()) - place.column + 1))
    return Place(place.line, place.column, width, text)


def entries(text: str) -> Entry:
    """The document's entries, in a tree of the shape that `reading.read` gives its values."""
    with ours(text):
        following = events(text)
        following()  # the document's start
        return _Surveyor(following).entry(following())


class _Surveyor:
    """One pass over the events of a text that was read before, so its grammar is right."""

    def __init__(self, following: Callable[[], Event]) -> None:
        self._next = following
        self._anchors: dict[str, Entry] = {}

    def entry(self, event: Event) -> Entry:
        if isinstance(event, AliasEvent):
            at = span(event)
            return Entry(at, via=at, inside=self._anchors[str(event.anchor)].inside)
        entry = Entry(span(event), holds=isinstance(event, CollectionStartEvent))
        if isinstance(event, MappingStartEvent):
            self._mapping(entry)
        elif isinstance(event, SequenceStartEvent):
            self._sequence(entry)
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._anchors[event.anchor] = entry
        return entry

    def _sequence(self, entry: Entry) -> None:
        while not isinstance(event := self._next(), SequenceEndEvent):
            entry.inside[len(entry.inside)] = self.entry(event)

    def _mapping(self, entry: Entry) -> None:
        merged: list[Entry] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            self.entry(event)  # a key too can set an anchor
            value = self.entry(self._next())
            value.key = span(event)
            if isinstance(event, ScalarEvent):
                name = str(event.value)
                entry.inside.setdefault(name, value)
                merged += _sources(value) if name == MERGE else ()
        for source in merged:
            for step, value in source.inside.items():
                entry.inside.setdefault(step, replace(value, via=source.via))


def _sources(merged: Entry) -> list[Entry]:
    """The mappings that `<<` names: one, or a list of them."""
    is_list = any(isinstance(step, int) for step in merged.inside)
    return list(merged.inside.values()) if is_list else [merged]
