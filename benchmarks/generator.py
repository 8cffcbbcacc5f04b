"""`load/load.c` from Python: built once, run in the clients' namespace, its result as values."""

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks import clients
from ovsdhcp.lab.command import LabError

SOURCE = Path(__file__).with_name("load") / "load.c"


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="ovsdhcp-load-")


@cache
def program() -> Path:
    """The generator, built by the distribution's compiler."""
    target = Path(_folder().name) / "load"
    argv = ("gcc", "-O3", "-std=gnu11", "-Wall", "-Werror", "-o", str(target), str(SOURCE))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LabError("there is no gcc", advice="apt-get install gcc libc6-dev") from error
    if done.returncode:
        raise LabError("the load generator does not build", command=argv, said=done.stderr)
    return target


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask for: the words of load.c's command line."""

    mode: str = "closed"
    kind: str = "renew"
    clients: int = 1000
    first: int = 0
    """The number of the first client."""
    ports: int = 1
    window: int = 1
    rate: int = 0
    seconds: float = 2.0
    wait_ms: int = 1000
    any: bool = False
    """Count a reply whatever it says, as long as its xid is right."""
    each_port: bool = False
    once: bool = False
    """End when every client was answered."""

    def words(self) -> list[str]:
        """The command line."""
        values = {
            "kind": self.kind,
            "clients": self.clients,
            "ports": self.ports,
            "window": self.window,
            "rate": self.rate,
            "seconds": self.seconds,
            "wait-ms": self.wait_ms,
            "mac": clients.mac(self.first),
            "ip": clients.address(self.first),
            "server": clients.SERVER,
            "server-mac": clients.SERVER_MAC,
        }
        flags = {"any": self.any, "each-port": self.each_port, "once": self.once}
        return [
            str(program()),
            self.mode,
            *(f"--{name}={value}" for name, value in values.items()),
            *(f"--{name}" for name, wanted in flags.items() if wanted),
        ]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back. Times are µs; `wrong` were replies, but not the right ones."""

    seconds: float
    asked: int
    replies: int
    lost: int
    wrong: int
    p50: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Right replies a second."""
        return self.replies / self.seconds


def ask(home: str, load: Load) -> Answered:
    """Run the generator in a namespace to its end."""
    argv = ("ip", "netns", "exec", home, *load.words())
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError("the load generator failed", command=argv, said=done.stderr)
    said: dict[str, Any] = json.loads(done.stdout)
    own = set(Answered.__slots__) & said.keys()
    more = {name: value for name, value in said.items() if name not in own}
    return Answered(**{name: said[name] for name in own}, more=more)
