"""Lease tables with one thing wrong: the examples, mutated at one place each."""

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

_KEY = re.compile(r"(?<![\w.:\"*&/-])(?:[A-Za-z_][\w-]*)(?=:(?:\s|$))")
_VALUE = re.compile(r"(?<=: )[^\s#{}\[\],&*|>][^#{}\[\],]*?(?=\s*(?:[,#}\]]|$))")

STRANGE = (
    *("''", "5", "-1", "0", "true", "null", "~", "[]", "{}", "[1]", "[[[]]]", "{a: 1}", "1e9"),
    *("9" * 19, "9" * 30, "9" * 5000, "0x10", "010", "1_000", ".inf", "2026-11-21", "x" * 300),
    *("1.2.3", "1.2.3.4.5", "256.1.1.1", "::1", "02:00:00:00:00", "ff:ff:ff:ff:ff:ff", "é"),
    *("*nothing", "&a 5", "!!int 5", "<<", "- a", "|", ">", "@", "`", "%", "'", '"', "\u202e"),
    *('"\\u0000"', '"\\ud800"'),
)
"""What stands in place of a value."""


class Mutation(NamedTuple):
    """A file's octets; `line` is where it was mutated, and where an error is to be told."""

    octets: bytes
    line: int


def _pick(found: list[re.Match[str]], random: Random) -> re.Match[str] | None:
    return random.choice(found) if found else None


def _misspelled(line: str, random: Random) -> str | None:
    at = _pick(list(_KEY.finditer(line)), random)
    if at is None:
        return None
    key, where = at.group(), random.randrange(len(at.group()))
    changed = random.choice(
        (
            key[:where] + key[where + 1 :],
            key[:where] + random.choice("aexz_-Q") + key[where:],
            key[:where] + key[where : where + 2][::-1] + key[where + 2 :],
            key.upper(),
            key + "s",
        )
    )
    return None if changed == key else line[: at.start()] + changed + line[at.end() :]


def _other_value(line: str, random: Random) -> str | None:
    at = _pick(list(_VALUE.finditer(line)), random)
    return at and line[: at.start()] + random.choice(STRANGE) + line[at.end() :]


def _no_value(line: str, random: Random) -> str | None:
    at = _pick(list(_VALUE.finditer(line)), random)
    return at and line[: at.start()] + line[at.end() :]


def _twice_in_line(line: str, random: Random) -> str | None:
    return re.sub(r"\{([\w]+: [^,{}]+)(, )", r"{\1, \1\2", line, count=1)


def _somewhere(*characters: str) -> "OfLine":
    def mutate(line: str, random: Random) -> str:
        at = random.randrange(len(line) + 1)
        return line[:at] + random.choice(characters) + line[at:]

    return mutate


def _less(line: str, random: Random) -> str | None:
    if not line:
        return None
    at = random.randrange(len(line))
    return line[:at] + line[at + 1 :]


def _indented(line: str, random: Random) -> str:
    return random.choice((" ", "  ", "\t", "      ", "- ")) + line


def _outdented(line: str, random: Random) -> str | None:
    return line[2:] if line.startswith("  ") else None


def _dropped(line: str, random: Random) -> str:
    return ""


def _again(line: str, random: Random) -> str:
    return f"{line}\n{line}"


def _merged(line: str, random: Random) -> str | None:
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}<<: {random.choice(('5', '*a', '[]', '{a: 1}', '[5, {b: 2}]'))}\n{line}"


def _anchored(line: str, random: Random) -> str | None:
    at = _pick(list(_VALUE.finditer(line)), random)
    return at and f"{line[: at.start()]}&a {line[at.start() :]}\n{line[: at.start()]}*a"


def _deep(line: str, random: Random) -> str | None:
    at = _pick(list(_VALUE.finditer(line)), random)
    depth = random.choice((5, 40, 5000))
    brackets = random.choice(("[]", "{}"))
    inside = "[" * depth + "]" * depth if brackets == "[]" else "{a: " * depth + "}" * depth
    return at and line[: at.start()] + inside + line[at.end() :]


OfLine = Callable[[str, Random], str | None]
OF_LINE: Mapping[str, OfLine] = {
    "misspelled": _misspelled,
    "other value": _other_value,
    "no value": _no_value,
    "twice in the line": _twice_in_line,
    "dropped": _dropped,
    "again": _again,
    "indented": _indented,
    "outdented": _outdented,
    "merged": _merged,
    "anchored": _anchored,
    "deep": _deep,
    "less": _less,
    "more": _somewhere(*":{}[],&*#?|-<>=!%@`'\"\\"),
    "control": _somewhere("\t", "\0", "\x07", "\x85", "\u2028", "\ufeff", "\x1b"),
    "not UTF-8": _somewhere("\udcff", "\udcc3", "\udced\udca0\udc80"),
}


def mutated(text: str, kind: str, random: Random) -> Mutation | None:
    """`text` with one of its lines mutated; None where this kind does nothing to it."""
    lines = text.split("\n")
    number = random.choice(
        [n for n, line in enumerate(lines) if line.strip(" -") and line[0] != "#"]
    )
    if lines[number].lstrip().startswith("#"):
        return None
    changed = OF_LINE[kind](lines[number], random)
    if changed is None or changed == lines[number]:
        return None
    lines[number] = changed
    return Mutation("\n".join(lines).encode("utf-8", "surrogateescape"), number + 1)
