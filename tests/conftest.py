"""How much is tried of what has no end: Hypothesis's examples."""

from hypothesis import settings

settings.register_profile("fast", max_examples=30, deadline=None)
"""A third of the usual, on cores that are shared: `scripts/test --fast`."""
