"""YAML text to plain values: mappings, lists, text, whole numbers, true, false and nothing.

Stricter than YAML 1.1, which is what PyYAML reads by itself: there an unquoted MAC such as
52:54:00:12:34:56 is a number in base 60, `on` is true, 010 is eight, and the last of two equal
keys wins silently. Here only decimal numbers, `true`, `false` and `null` are other than text, and
equal keys are an error.

It reads libyaml's events instead of having PyYAML compose the document: at 100,000 hosts that
is three times faster in a tenth of the memory, and depth can be limited (PyYAML's composer
recurses in C, so that deep nesting ends the process).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from ovsdhcp.config.problems import At, Finding, Path, Report
from ovsdhcp.config.syntax import UnreadableError, events, ours, span

DEPTH = 32
"""How deep a document may nest, aliases' values included; a lease table needs ten levels."""

ALIASED = 1_000_000
"""How many values aliases (`*name`) may repeat, so that a small file cannot fill the memory."""

MERGE = "<<"
"""The key whose mappings (`<<: *name`) are laid under the mapping that it stands in."""

_decimal = re.compile(r"-?(?:0|[1-9][0-9]{0,18})").fullmatch
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS = {"!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))}


def read(text: str, report: Report) -> object:
    """The values of the one document in `text`; what is wrong with its keys goes into `report`.

    Raises `UnreadableError` where there is no document to speak of.
    """
    with ours(text):
        return _Reader(events(text), report).document()


def scalar(event: ScalarEvent) -> object:
    """The value of a scalar: only what stands there plainly can be other than text."""
    text: str = event.value
    if event.tag is not None or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _decimal(text) else text


class _Anchored(NamedTuple):
    """A value that aliases can repeat, with how many are in it, and how many levels."""

    value: object
    size: int
    height: int


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, following: Callable[[], Event], report: Report) -> None:
        self._next = following
        self._report = report
        self._anchors: dict[str, _Anchored] = {}
        self._size = 0
        self._deepest = 0
        self._aliased = 0

    def document(self) -> object:
        if isinstance(self._next(), StreamEndEvent):
            raise UnreadableError("empty-file", "nothing is written here", "start with `bridges:`")
        value = self._value(self._next(), ())
        self._next()
        after = self._next()
        if not isinstance(after, StreamEndEvent):
            message = "a second document starts here"
            raise UnreadableError(
                "yaml-documents", message, "one file holds one lease table", after
            )
        return value

    def _item(self, event: Event, path: Path, step: str | int) -> object:
        """The value at `step` of `path`; a scalar without ornament, as most are, goes straight."""
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            return scalar(event)
        return self._value(event, (*path, step))

    def _value(self, event: Event, path: Path) -> object:
        if isinstance(event, AliasEvent):
            return self._alias(event, path)
        if not isinstance(event, NodeEvent):  # the grammar of the events has nothing else here
            raise AssertionError(event)
        if event.anchor is None:
            return self._node(event, path)
        size, deepest, self._deepest = self._size, self._deepest, len(path)
        value = self._node(event, path)
        height = self._deepest - len(path)
        self._anchors[event.anchor] = _Anchored(value, self._size - size, height)
        self._deepest = max(deepest, self._deepest)
        return value

    def _node(self, event: NodeEvent, path: Path) -> object:
        self._check_tag(event, path)
        if isinstance(event, ScalarEvent):
            return scalar(event)
        self._check_depth(len(path), event)
        return self._mapping(path) if isinstance(event, MappingStartEvent) else self._sequence(path)

    def _check_depth(self, depth: int, event: Event) -> None:
        if depth >= DEPTH:
            message, hint = f"nested more than {DEPTH} deep", "a lease table needs ten levels"
            raise UnreadableError("yaml-depth", message, hint, event)
        self._deepest = max(self._deepest, depth)

    def _check_tag(self, event: NodeEvent, path: Path) -> None:
        tag: str | None = getattr(event, "tag", None)
        if tag is not None and tag not in _TAGS:
            message = f"the tag `{tag}` has no meaning here"
            self._report.error(path, "yaml-tag", message, "write the value without it")

    def _alias(self, event: AliasEvent, path: Path) -> object:
        if event.anchor not in self._anchors:
            message = f"`*{event.anchor}` names an anchor that was not set before"
            raise UnreadableError("yaml-alias", message, f"set it with `&{event.anchor}`", event)
        value, size, height = self._anchors[event.anchor]
        self._check_depth(len(path) + height, event)
        self._size += size
        self._aliased += size
        if self._aliased > ALIASED:
            message = f"aliases repeat more than {ALIASED:,} values"
            raise UnreadableError("yaml-aliases", message, "write it out, or in parts", event)
        return value

    def _sequence(self, path: Path) -> list[object]:
        result: list[object] = []
        while type(event := self._next()) is not SequenceEndEvent:
            result.append(self._item(event, path, len(result)))
        self._size += 1 + len(result)
        return result

    def _mapping(self, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: list[tuple[str, object]] = []
        while type(event := self._next()) is not MappingEndEvent:
            key = self._key(event)
            value = self._item(self._next(), path, key)
            if key == MERGE and _plain(event):
                merged += self._merged(value, path)
            elif key in result:
                self._duplicate(event, (*path, key))
            else:
                result[key] = value
        for key, value in merged:
            result.setdefault(key, value)
        self._size += 1 + len(result)
        return result

    def _key(self, event: Event) -> str:
        if not isinstance(event, ScalarEvent):
            raise UnreadableError("yaml-key", "a key has to be text", "put it into quotes", event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(event.value, 0, 0)
        key: str = event.value
        return key

    def _merged(self, value: object, path: Path) -> list[tuple[str, object]]:
        sources = value if isinstance(value, list) else [value]
        mappings = [source for source in sources if isinstance(source, dict)]
        if len(mappings) < len(sources):
            hint = "write `<<: *name`, the name of a mapping's anchor"
            self._report.error((*path, MERGE), "yaml-merge", "only mappings can be merged", hint)
        return [item for mapping in mappings for item in mapping.items()]

    def _duplicate(self, event: Event, path: Path) -> None:
        self._report.add(
            Finding(
                path,
                "duplicate-key",
                f"`{path[-1]}` stands here again",
                "keep one of them",
                At.KEY,
                clash=path,
                place=span(event),
            )
        )


def _plain(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and bool(event.implicit[0])
