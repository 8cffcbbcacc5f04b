"""What a report of a bug is made of: each part a name, what it is, and how its text is got."""

import json
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from ovsdhcp.control import installed
from ovsdhcp.control.client import NoServerError, ask
from ovsdhcp.control.protocol import ControlError, Document
from ovsdhcp.doctor import checks
from ovsdhcp.doctor.examination import Examination
from ovsdhcp.doctor.open_vswitch import NoOpenVSwitchError, run
from ovsdhcp.openflow.management import NoBridgeError

LOG_LINES = 1_000
_LOG_OCTETS = 1 << 20
_SECRET = re.compile(r"\b(psk|\w*passw\w*|\w*secret\w*)=(\"[^\"]*\"|[^,}\s]*)")
"""As an interface's `options` have it: IPsec's pre-shared key, say (ovs-vswitchd.conf.db(5))."""
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [^\n]*|\Z)", re.DOTALL)
"""None belongs into any of what is collected; a file given by mistake may have one."""
_PACKAGES = ("ovsdhcp", "ryu", "eventlet", "click", "pydantic", "pyyaml", "netaddr", "ovs")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the report."""

    name: str
    what: str
    text: Callable[[], str]

    def got(self) -> str:
        """Its text, or why there is none."""
        try:
            return _KEY.sub("(a private key, left out)", self.text())
        except NoOpenVSwitchError as error:
            return f"not to be had: {error.args[0]}\n"
        except (OSError, NoServerError, ControlError, NoBridgeError) as error:
            return f"not to be had: {error}\n"


def parts(examination: Examination, findings: Callable[[], str]) -> list[Part]:
    """All parts; `findings` is what the doctor says."""
    return [
        Part("versions.txt", "versions of ovsdhcp and of what it runs on", _versions),
        Part("status.json", "what `ovsdhcp status` says", lambda: _json(examination.status)),
        Part("doctor.txt", "what `ovsdhcp doctor` says", findings),
        Part("table.yaml", "the lease table", lambda: _table(examination)),
        Part("leases.jsonl", "what was handed out", lambda: _lines("leases", "leases")),
        Part("events.jsonl", "the last transactions", lambda: _lines("events", "events")),
        Part("flows.json", "our flows, wanted against installed", lambda: _flows(examination)),
        Part("ovs-vsctl.txt", "how Open vSwitch is set up", _set_up),
        Part("dump-flows.txt", "all flows of the table's bridges", lambda: _dumped(examination)),
        Part("log.txt", "the end of the server's log", lambda: _log(examination.status)),
    ]


_WARNING = """

MAC and IP addresses, names of hosts, ports and bridges are in it as they are. A lease table has no
place for passwords, and those of Open vSwitch's tunnels are left out; look over the rest yourself.
"""


def contents(made: Iterable[Part]) -> str:
    """What somebody should know before sending the report to anybody."""
    return "\n".join(f"{part.name:15} {part.what}" for part in made) + _WARNING


def _versions() -> str:
    try:
        open_vswitch = run("ovs-vsctl", "--version")
    except NoOpenVSwitchError as error:
        open_vswitch = f"Open vSwitch: {error}\n"
    return "\n".join([*map(_version, _PACKAGES), *_platform(), open_vswitch])


def _version(package: str) -> str:
    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} is not installed"


def _platform() -> Iterator[str]:
    yield f"python {platform.python_version()}"
    yield platform.platform()


def _set_up() -> str:
    return without_secrets(run("ovs-vsctl", "--timeout=9", "show"))


def without_secrets(text: str) -> str:
    """What `ovs-vsctl show` says, less the keys of tunnels."""
    return _SECRET.sub(r"\1=(left out)", text)


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"


def _table(examination: Examination) -> str:
    return examination.table.read_text(errors="replace")


def _lines(verb: str, key: str) -> str:
    found = (row for item in ask(verb) for row in item.get(key, ()))
    return "".join(f"{json.dumps(row)}\n" for row in found)


def _flows(examination: Examination) -> str:
    said: Iterable[Document] = ()
    if examination.status is not None:
        said = ask("flows")
    elif examination.config is not None:
        said = (
            it for bridge in examination.config.bridges for it in installed.compared_with(bridge)
        )
    return _json([item for item in said if item])


def _dumped(examination: Examination) -> str:
    bridges = examination.config.bridges if examination.config else ()
    there = [checks.find(bridge, examination.bridges or {}) for bridge in bridges]
    dump = ("ovs-ofctl", "--timeout=9", "-O", "OpenFlow13", "--names", "dump-flows")
    return "\n".join(f"# {it.name}\n{run(*dump, it.name)}" for it in there if it)


def _log(status: Document | None) -> str:
    """The server's standard error where that is a file, else the journal's lines of it."""
    if status is None:
        return "no server runs, so its log is not known\n"
    pid = status["server"]["pid"]
    file = Path(f"/proc/{pid}/fd/2")  # not where it leads to: that may be a name of another root
    if not file.is_file():
        return run("journalctl", "--no-pager", "-n", str(LOG_LINES), f"_PID={pid}")
    with file.open("rb") as log:
        log.seek(max(file.stat().st_size - _LOG_OCTETS, 0))
        text = log.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-LOG_LINES:]) + "\n"
