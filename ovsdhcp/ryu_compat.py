"""Lets stock Ryu 4.34 start beside current eventlet, and quietly.

`ovsdhcp.pth` loads this module at every start of the interpreter, because `ryu-manager` imports
Ryu's own modules before it imports any application. So it does next to nothing until Ryu is
imported: then eventlet gets back the name that 0.30.3 removed and Ryu still reads, and the
notices that neither a user nor an operator can act on are silenced. Without eventlet it is inert.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing itself would cost every start of the interpreter 3 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from logging import LogRecord
    from types import ModuleType


class _BeforeRyu:
    """Finds nothing; being asked for a module is the moment before that module is imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname == "ryu":
            quiet_ryu()
        elif fullname == "ryu.lib.hub":  # the first of Ryu's modules to import eventlet
            sys.meta_path.remove(self)
            mend_eventlet()


def quiet_ryu() -> None:
    """Silence what Python 3.12 says of the escapes in Ryu's sources, which are older."""
    import warnings  # noqa: PLC0415 - nothing is imported before it is wanted

    warnings.filterwarnings("ignore", category=SyntaxWarning, module=r".*[/\\]ryu[/\\].*")


def mend_eventlet() -> None:
    """Make `import ryu.lib.hub` work: idempotent, and nothing where eventlet is not installed."""
    import logging  # noqa: PLC0415 - as above
    import warnings  # noqa: PLC0415 - as above

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # eventlet announces its retirement at import
            import eventlet.wsgi  # noqa: PLC0415 - as above
    except ImportError:
        return
    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = []
    logging.getLogger("ryu.base.app_manager").addFilter(is_news)
    # Ryu patches late, so a few locks of the import system stay as they were; nobody waits on them.
    if logging.lastResort is not None:
        logging.lastResort.addFilter(lambda record: "not greened" not in record.getMessage())


def is_news(record: LogRecord) -> bool:
    """Whether a record of Ryu's app manager is worth a line.

    That it loads and makes us and what we need is not, and would be the only lines of the log in
    another form: the log has ours from the moment that our application is made.
    """
    ours = record.args == ("ovsdhcp.app",) or "ovsdhcp.app" in sys.modules
    return not ours or record.levelname not in {"INFO", "DEBUG"}


if "ryu.lib.hub" not in sys.modules and not any(type(f) is _BeforeRyu for f in sys.meta_path):
    sys.meta_path.insert(0, _BeforeRyu())
