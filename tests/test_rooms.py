"""The house's rule: which room may import which, and who may touch Ryu, a clock or a socket."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ovsdhcp

HOUSE = Path(ovsdhcp.__file__).parent

MAY_IMPORT = {
    "ryu_compat": set[str](),
    "dhcp": set[str](),
    "ovn": {"dhcp"},
    "config": {"dhcp", "ovn", "shards"},
    "events": {"dhcp"},
    "log": {"events"},
    "notify": set(),
    "process": {"notify"},
    "questions": set[str](),
    "wildcards": {"dhcp", "events", "questions"},
    "answers": {"dhcp", "events", "questions", "shards", "wildcards"},
    "shards": set[str](),
    "state_folder": set[str](),
    "lease": {"dhcp"},
    "leases": {"dhcp", "lease"},
    "journal": {"lease", "leases", "state_folder"},
    "openflow": {"dhcp", "ovn", "config"},
    "service": {
        *("dhcp", "ovn", "config", "events", "answers", "journal", "lease", "leases", "openflow")
    },
    "trace": {"dhcp", "config", "openflow"},
    "lab": {"config"},
    "watch": set[str](),
    "reloading": {"config", "watch"},
    "connected": {"answers", "config", "dhcp", "openflow", "packet_ins", "service"},
    "packet_ins": {"answers", "events", "openflow", "questions", "service", "wildcards"},
    "control": {
        *("dhcp", "config", "events", "journal", "lease", "openflow", "reloading", "service"),
        *("state_folder",),
    },
    "channel": {"openflow"},
    "app": {
        *("channel", "config", "connected", "control", "events", "journal", "log", "openflow"),
        *("process", "reloading", "service", "state_folder"),
    },
    "doctor": {"dhcp", "ovn", "config", "control", "openflow", "service"},
    "cli": {
        *("dhcp", "ovn", "config", "control", "doctor", "log", "openflow", "service", "trace"),
        *("lab",),
    },
}
"""Arrows point one way: app cli lab → control → service → openflow leases config → ovn → dhcp."""

LIBRARIES = {
    "ryu_compat": {"ryu", "eventlet"},
    "dhcp": {"ryu.lib.packet"},
    "ovn": {"ovs.flow"},
    "openflow": {"ryu.controller", "ryu.lib.hub", "ryu.ofproto"},
    "config": {"pydantic", "pydantic_core", "yaml"},
    "log": {"eventlet"},
    "process": {"ryu.lib.hub"},
    "reloading": {"ryu.lib.hub"},
    "connected": {"ryu.lib.hub"},
    "channel": {"ryu.base", "ryu.controller"},
    "app": {"ryu", "eventlet.patcher", "eventlet.tpool"},
    "doctor": {"ryu.lib.packet"},
    "cli": {"click", "ovs"},
}
"""What a room may import beside Python itself and ovsdhcp."""

PURE = {"dhcp", "ovn"}
OUTSIDE_WORLD = {"time", "logging", "socket", "os", "io", "subprocess", "random", "pathlib"}


def room_of(module: Path) -> str:
    return module.relative_to(HOUSE).parts[0].removesuffix(".py")


def imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = sorted(
    path for path in HOUSE.rglob("*.py") if path.parent != HOUSE or path.stem[0] != "_"
)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_module_imports_only_what_its_room_may(module: Path) -> None:
    room = room_of(module)
    for name in imports(module):
        top, _, rest = name.partition(".")
        if top == "ovsdhcp":
            other = rest.split(".")[0]
            assert other in MAY_IMPORT[room] | {room, "__version__"}, f"{room} imports {name}"
        elif top in sys.stdlib_module_names:
            assert room not in PURE or top not in OUTSIDE_WORLD, f"{room} imports {name}"
        else:
            allowed = LIBRARIES.get(room, set())
            assert any(f"{name}.".startswith(f"{library}.") for library in allowed), (
                f"{room} imports {name}"
            )


def test_every_room_is_in_the_table() -> None:
    assert {room_of(module) for module in MODULES} <= MAY_IMPORT.keys()


def test_only_the_connection_is_ryus() -> None:
    """Flows, messages and the switch are values and octets: another controller could carry them."""
    names = {
        m.name for m in (HOUSE / "openflow").glob("*.py") if any("ryu" in i for i in imports(m))
    }
    assert names == {"connection.py", "door.py", "listener.py", "readiness.py", "wire.py"}


def test_only_replies_are_built_with_ryu() -> None:
    with_ryu = {
        m.name for m in (HOUSE / "dhcp").glob("*.py") if any("ryu" in i for i in imports(m))
    }
    assert with_ryu <= {"reply.py"}


@pytest.mark.parametrize("module", sorted((HOUSE / "dhcp").glob("*.py")), ids=lambda p: p.name)
def test_the_engine_opens_nothing(module: Path) -> None:
    calls = (
        node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)
    )
    assert not {f.id for f in calls if isinstance(f, ast.Name)} & {"open", "print", "input", "exec"}
