"""A dict in parts is a dict: the same keys and values, whatever is done to it."""

from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.shards import SHARDS, Shards

KEYS = st.integers(0, 3 * SHARDS)


@given(st.lists(st.tuples(st.sampled_from(["set", "pop", "eldest"]), KEYS)))
def test_it_holds_what_a_dict_would(steps: list[tuple[str, int]]) -> None:
    shards: Shards[int, int] = Shards()
    plain: dict[int, int] = {}
    for number, (what, key) in enumerate(steps):
        if what == "set":
            shards[key] = plain[key] = number
        elif what == "pop":
            assert shards.pop(key) == plain.pop(key, None)
        elif plain:
            assert shards.eldest() in plain
        assert shards.get(key) == plain.get(key)
        assert bool(shards) == bool(plain)
    assert {key: shards.get(key) for key in shards} == plain
    assert {key: it for part in shards.parts() for key, it in part.items()} == plain


def test_the_eldest_of_all_parts_go_first() -> None:
    shards: Shards[int, int] = Shards()
    for key in range(10 * SHARDS):
        shards[key] = key
    gone = []
    for _ in range(2 * SHARDS):
        gone.append(shards.eldest())
        shards.pop(gone[-1])
    assert sorted(gone) == list(range(2 * SHARDS))
