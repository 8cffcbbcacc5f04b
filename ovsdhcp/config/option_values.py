"""An option's value to octets; and where a value cannot be sent, every part of it that is wrong."""

from collections.abc import Callable, Iterator

from ovsdhcp.config.problems import At, Path
from ovsdhcp.dhcp.option_kinds import HEX, WrongValueError
from ovsdhcp.dhcp.options import Option


def octets(option: Option, name: str, value: object) -> bytes:
    """The value encoded: by the option's kind, or under a bare code from hexadecimal.

    Raises `ValueError`.
    """
    if not name.strip().isdecimal():
        return option.kind.encode(value)
    encoded = HEX.encode(value)
    option.kind.decode(encoded)
    return encoded


def faults(
    encode: Callable[[object], object], value: object, error: ValueError
) -> Iterator[tuple[Path, At, str]]:
    """The parts that are wrong in `value`, of which `encode` said `error`: path, and what is wrong.

    A list's items and a mapping's entries are tried one by one, and what is said of one counts only
    if it is about that item, or a part of it: alone it may be wrong for want of the others.
    """
    found: dict[tuple[Path, At], str] = {}
    _note(found, error, value, ())
    for alone, within, path in _parts(value):
        try:
            encode(alone)
        except ValueError as fault:
            _note(found, fault, within, path)
    for (path, at), message in (found or {((), At.VALUE): str(error)}).items():
        yield path, at, message


def _note(found: dict[tuple[Path, At], str], error: ValueError, value: object, path: Path) -> None:
    if isinstance(error, WrongValueError):
        for inner, at, part in _nested(value, path):
            if part is error.value:
                found.setdefault((inner, at), str(error))
                return


def _parts(value: object) -> Iterator[tuple[object, object, Path]]:
    """Each part alone in a value of the same shape, what of it can be wrong, and its path."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield [item], item, (index,)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield {key: item}, {key: item}, ()


def _nested(value: object, path: Path) -> Iterator[tuple[Path, At, object]]:
    """A value and all that is in it. `reading.DEPTH` bounds the recursion."""
    yield path, At.VALUE, value
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _nested(item, (*path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), At.KEY, key
            yield from _nested(item, (*path, key))
