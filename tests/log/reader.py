"""A reader of logfmt that knows nothing of the writer: bare words, and JSON's strings."""

import json
import re

_PAIR = re.compile(r'(?P<key>[a-z_]+)=(?:(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^ "=\\]*))(?: |$)')


def read(line: str) -> dict[str, str]:
    """The fields of a line, with or without its end; what is no logfmt fails."""
    line = line.removesuffix("\n")
    fields, at = {}, 0
    while at < len(line):
        found = _PAIR.match(line, at)
        assert found, f"not logfmt from here: {line[at:]!r}"
        quoted = found["quoted"]
        fields[found["key"]] = found["bare"] if quoted is None else json.loads(quoted)
        at = found.end()
    return fields
