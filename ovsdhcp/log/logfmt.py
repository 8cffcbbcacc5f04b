"""Fields as a line of `key=value`, for people's eyes and for the programs that read logfmt.

A value stands bare where it is printable ASCII without blanks, `"`, `=` and `\\`. Any other is a
string of JSON, and of that its ASCII form: line ends, terminal escapes, bidirectional marks and
letters beyond ASCII are `\\u` and four digits. So whatever a guest calls itself, a line is one
line, shows what it is made of, and a reader of logfmt gets back what was put in.
"""

import json
import re
from collections.abc import Mapping

Value = str | int

_is_bare = re.compile(r"[!#-<>-\[\]-~]+").fullmatch


class Fields(dict[str, Value]):
    """What a record of `logging` says where it says it by keys: its `msg`."""

    def __str__(self) -> str:
        return line(self)


def line(fields: Mapping[str, Value]) -> str:
    """The fields in their order. The keys are ours, and need no quoting."""
    texts = list(map(str, fields.values()))
    if not (all(texts) and _is_bare("".join(texts))):  # one look at all of them, as a rule
        texts = list(map(quoted, texts))
    return " ".join(map("{}={}".format, fields, texts))


def quoted(text: str) -> str:
    """A value as it stands behind its `=`."""
    return text if _is_bare(text) else json.dumps(text)
