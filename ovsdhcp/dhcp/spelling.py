"""Which name a misspelled one may be meant for."""

import difflib
from collections.abc import Collection

_LIKE = 0.65
_AS_LIKE = 0.1


def near(name: str, known: Collection[str]) -> list[str]:
    """The names that are known which `name` may be a misspelling of; several if they are as near.

    The nearest comes first. Of two letters that changed places in a short name little is alike,
    and of one in capitals nothing.
    """
    found = difflib.get_close_matches(name, known, 3, cutoff=_LIKE)
    if not found:
        letters = sorted(name.lower())
        return [one for one in known if sorted(one.lower()) == letters]
    likeness = [difflib.SequenceMatcher(None, one, name).ratio() for one in found]
    return [one for one, like in zip(found, likeness, strict=True) if like > likeness[0] - _AS_LIKE]
