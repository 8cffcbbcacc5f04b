"""The seam to libyaml: text to events, its errors to ours, its marks to places."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import cast

import yaml
from yaml.events import CollectionStartEvent, Event

from ovsdhcp.config.problems import NOWHERE, Place

_QUOTES = "put a value that holds such a character into quotes"
_COLUMNS = "the keys of one mapping start in one column; a value that holds `: ` goes into quotes"
_CLOSE = "close it, or put the value into quotes"
_SINCE = ("end of stream", "expected ':'")
"""In these problems libyaml's second mark, where the thing began, is the place to mend."""
_OPENERS = ("while parsing a flow mapping", "while parsing a flow sequence")

_NO_KEY = "did not find expected key"
_NO_TABLE = "did not find expected <document start>"

_WORDING: Mapping[str, tuple[str, str]] = {
    "mapping values are not allowed in this context": ("a `:` is not expected here", _COLUMNS),
    _NO_KEY: ("a key is expected here", _COLUMNS),
    "could not find expected ':'": ("a key without its `: `", "a blank follows the `:` of a key"),
    "did not find expected '-' indicator": ("a list's next `-` is expected here", _COLUMNS),
    "did not find expected node content": ("a value is expected here", _QUOTES),
    "found character that cannot start any token": ("no value can start like this", _QUOTES),
    "found unexpected end of stream": ("the file ends inside this quoted text", "close the quote"),
    "did not find expected ',' or '}'": ("a `,` or `}` is expected here", _CLOSE),
    "did not find expected ',' or ']'": ("a `,` or `]` is expected here", _CLOSE),
    _NO_TABLE: ("the table has ended before this", _COLUMNS),
    "found incompatible YAML document": ("this is another version of YAML", "leave the line out"),
    "found unknown escape character": (
        "a `\\` that escapes nothing",
        "between single quotes a `\\` is a character like any other",
    ),
    "found undefined tag handle": ("this tag has no meaning here", "write the value without it"),
    "control characters are not allowed": (
        "a control character, which YAML does not allow",
        "take it out, or write it as `\\x..` between double quotes",
    ),
}
"""libyaml's words and ours, with a hint; what is not here is said in libyaml's."""


class UnreadableError(Exception):
    """Text that is not one YAML document. `place` is without its line's text."""

    def __init__(
        self, code: str, message: str, hint: str = "", place: Event | Place = NOWHERE
    ) -> None:
        self.code, self.message, self.hint = code, message, hint
        self.place = place if isinstance(place, Place) else span(place)
        super().__init__(message)


def events(text: str) -> Callable[[], Event]:
    """A function that returns libyaml's next event at each call, from the document's start on.

    It raises PyYAML's errors, so it is called inside `ours`.
    """
    following = cast(Callable[[], Event], yaml.CSafeLoader(text).get_event)
    following()  # the stream's start
    return following


@contextmanager
def ours(text: str) -> Iterator[None]:
    """Turns PyYAML's errors over `text` into `UnreadableError`."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        raise _worded(text, error) from None
    except yaml.reader.ReaderError as error:
        # libyaml gives the place in octets of UTF-8
        before = text.encode()[: error.position].decode(errors="replace")
        raise _misencoded(before, str(error.reason)) from None
    except UnicodeEncodeError as error:
        raise _misencoded(text[: error.start], "half of a surrogate pair") from None


def span(event: Event) -> Place:
    """Where an event stands, on its first line."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return NOWHERE
    width = end.column - start.column if end.line == start.line else 1 << 16
    if isinstance(event, CollectionStartEvent):
        width = 1  # its bracket; libyaml's end is that of the token after
    return Place(start.line + 1, start.column + 1, max(1, width))


def lines_of(text: str) -> list[str]:
    """The lines as libyaml counts them: YAML 1.1 also ends a line at NEL, LS and PS."""
    for end in ("\r\n", "\r", "\x85", "\u2028", "\u2029"):
        text = text.replace(end, "\n")
    return text.split("\n")


def _worded(text: str, error: yaml.MarkedYAMLError) -> UnreadableError:
    problem = error.problem or "this is not YAML"
    message, hint = _WORDING.get(problem, (problem, ""))
    place, since = _at(error.problem_mark), _at(error.context_mark)
    lines = lines_of(text)
    if any(words in problem for words in _SINCE) and since.line:
        place = since
    elif error.context in _OPENERS and _ends_before(lines, since, place):
        place, message = since, "this bracket is not closed"
    elif (quote := _long_quote(text, place)).line:
        message = f"the quoted text from here ends only on line {place.line}"
        place, hint = quote, "close the quote"
    elif _character(lines, place) in ("}", "]"):
        message, hint = "this bracket closes none", "take it out, or open one before"
    elif problem == _NO_KEY and since.column not in (0, place.column):
        message += f", in column {since.column} as on line {_before(lines, since, place)}"
    elif problem == _NO_TABLE:
        first = _first(lines)
        message += f": it began in column {first.column} of line {first.line}"
    place = _inside(lines, place)
    if _tab_at(lines, place):
        message, hint = "a tab indents this line", "indent with blanks: YAML allows no tabs"
    return UnreadableError("yaml-syntax", message, hint, place)


def _long_quote(text: str, place: Place) -> Place:
    """Where the quoted text of several lines begins that ends right before `place`."""
    scanner = yaml.CSafeLoader(text)
    found = NOWHERE
    with suppress(yaml.YAMLError):
        while (token := scanner.get_token()) is not None:
            start, end = token.start_mark, token.end_mark
            if end.line + 1 > place.line:
                break
            quoted = isinstance(token, yaml.ScalarToken) and not token.plain
            if quoted and start.line < end.line == place.line - 1 and end.column < place.column:
                found = Place(start.line + 1, start.column + 1)
    return found


def _before(lines: list[str], since: Place, place: Place) -> int:
    """The last line before `place` that begins in the column in which the mapping since began."""
    within = range(place.line - 1, since.line, -1)
    keys = (number for number in within if _begins(lines[number - 1]) == since.column)
    return next(keys, since.line)


def _first(lines: list[str]) -> Place:
    """Where the table begins."""
    begins = ((number, _begins(line)) for number, line in enumerate(lines, 1))
    return next((Place(number, column) for number, column in begins if column), NOWHERE)


def _begins(line: str) -> int:
    """The column in which a line begins; 0 of one that has nothing, or a comment."""
    said = line.strip() and not line.lstrip().startswith("#")
    return _indent(line) + 1 if said else 0


def _at(mark: yaml.Mark | None) -> Place:
    return NOWHERE if mark is None else Place(mark.line + 1, mark.column + 1)


def _inside(lines: list[str], place: Place) -> Place:
    """Where the last line with something on it ends, for a place behind that."""
    if not place.line or any(line.strip() for line in lines[place.line - 1 :]):
        return place
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    return Place(last, len(lines[last - 1].rstrip()) + 1)


def _character(lines: list[str], place: Place) -> str:
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    return line[place.column - 1 : place.column]


def _ends_before(lines: list[str], since: Place, place: Place) -> bool:
    """Whether what began at `since`, behind a key, was left open: the lines go on no deeper."""
    if not 0 < since.line < place.line:
        return False
    opened = _indent(lines[since.line - 1])
    ended = place.line >= len(lines) or _indent(lines[place.line - 1]) <= opened
    return ended and since.column > opened + 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _tab_at(lines: list[str], place: Place) -> bool:
    if not 0 < place.line <= len(lines):
        return False
    before = lines[place.line - 1][: place.column]
    return "\t" in before and not before.strip()


def _misencoded(before: str, reason: str) -> UnreadableError:
    """A character that YAML does not allow, after the text `before`."""
    lines = lines_of(before)
    place = Place(len(lines), len(lines[-1]) + 1)
    message, hint = _WORDING.get(reason, (reason, ""))
    return UnreadableError("yaml-character", message, hint, place)
