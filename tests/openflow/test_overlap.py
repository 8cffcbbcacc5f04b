"""While one way takes the other's place, whatever comes counts once, and in its order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ovsdhcp.openflow import overlap
from ovsdhcp.openflow.overlap import Overlap

MESSAGES = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=30)


@given(MESSAGES, MESSAGES, MESSAGES, st.randoms(use_true_random=False))
def test_each_message_counts_once_and_in_its_order(
    before: list[bytes], by_both: list[bytes], after: list[bytes], random: Random
) -> None:
    """The new way begins where `by_both` does, and the old one ends behind it; the very same may
    come again. Which is read when is chance.
    """
    old, new = [b"old " + it for it in before] + by_both, by_both + after
    merged, counted = Overlap(), list[bytes]()
    ended = False
    while old or new or not ended:
        if not old and not ended and random.random() < 0.5:
            counted += merged.end_of_old()
            ended = True
        elif old and (not new or random.random() < 0.5):
            counted.append(old.pop(0))
            merged.by_old(counted[-1])
        elif new:
            counted += merged.by_new(new.pop(0))
    assert counted == [b"old " + it for it in before] + by_both + after


def test_what_is_remembered_and_held_is_bounded() -> None:
    merged, counted = Overlap(), 0
    for number in range(3 * overlap._REMEMBERED):
        merged.by_old(b"%d" % number)
        counted += len(merged.by_new(b"new %d" % number))
        assert len(merged._said) + len(merged._held or ()) <= 2 * overlap._REMEMBERED
    assert counted == 3 * overlap._REMEMBERED
