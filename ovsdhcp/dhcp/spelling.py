"""Which name a misspelled one may be meant for."""

import difflib
from collections.abc import Collection

_LIKE = 0.65
_AS_LIKE = 0.1


def near(name: str, known: Collection[str]) -> list[str]:
    """The names that are known which `name` may be a misspelling of; several if they are as near.

    The nearest comes first. Of two letters that changed places in a short name little is alike.
    """
    name, names = name.lower(), {one.lower(): one for one in known}
    found = difflib.get_close_matches(name, names, 3, cutoff=_LIKE)
    if not found:
        return [names[one] for one in names if sorted(one) == sorted(name)]
    likeness = [difflib.SequenceMatcher(None, one, name).ratio() for one in found]
    as_near = zip(found, likeness, strict=True)
    return [names[one] for one, like in as_near if like > likeness[0] - _AS_LIKE]
