"""Lets stock Ryu 4.34 start beside current eventlet, and quietly.

`ovsdhcp.pth` loads this module at every start of the interpreter, because `ryu-manager` imports
`ryu.app.wsgi` before it imports any application. So it does next to nothing until `ryu` itself is
imported: then eventlet gets back the name that 0.30.3 removed and Ryu still reads, and the
warnings that neither a user nor an operator can act on are silenced. Without eventlet it is inert.
"""

import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _BeforeRyu(MetaPathFinder):
    """Finds nothing; its one call is the moment before `ryu` is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "ryu":
            sys.meta_path.remove(self)
            mend_eventlet()
        return None


def mend_eventlet() -> None:
    """Make `import ryu` work: idempotent, and without effect where eventlet is not installed."""
    # RYU_HUB_TYPE's only value is eventlet; its sources predate the escapes that 3.12 warns of.
    warnings.filterwarnings("ignore", category=SyntaxWarning, module=r".*[/\\]ryu[/\\].*")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import eventlet.wsgi  # noqa: PLC0415 - not before Ryu is wanted: it costs 100 ms
        except ImportError:
            return
    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = []


if not any(isinstance(finder, _BeforeRyu) for finder in sys.meta_path) and "ryu" not in sys.modules:
    sys.meta_path.insert(0, _BeforeRyu())
