"""While one way takes the other's place, whatever comes counts once, and in its order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.openflow import overlap
from ovsdhcp.openflow.overlap import Overlap

MESSAGES = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=30)


@given(MESSAGES, MESSAGES, st.randoms(use_true_random=False))
def test_each_message_counts_once_in_its_order(
    by_both: list[bytes], by_new: list[bytes], random: Random
) -> None:
    """The old way ends where the new one goes on, and which is read when is chance."""
    ways, merged, seen = {False: list(by_both), True: by_both + by_new}, Overlap(), []
    while any(ways.values()):
        by_shortcut = random.choice([way for way, left in ways.items() if left])
        message = ways[by_shortcut].pop(0)
        if merged.is_new(message, by_shortcut=by_shortcut):
            seen.append(message)
    assert seen == by_both + by_new


def test_what_is_remembered_is_bounded() -> None:
    merged = Overlap()
    for number in range(3 * overlap._REMEMBERED):
        assert merged.is_new(number.to_bytes(4, "big"), by_shortcut=False)
        assert len(merged._ahead) <= overlap._REMEMBERED
