"""On what it was measured: figures of another machine are other figures."""

import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

_PROGRAMS = {
    "Open vSwitch": ("ovs-vswitchd", "--version"),
    "OVN": ("ovn-controller", "--version"),
    "dnsmasq": ("dnsmasq", "--version"),
    "Kea": ("kea-dhcp4", "-v"),
}


def described() -> dict[str, object]:
    """The processor, the kernel, the versions, and how busy the machine was before."""
    versions = {name: _version(*argv) for name, argv in _PROGRAMS.items()}
    facts: dict[str, object] = {
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "versions": versions,
    }
    used = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    build = "the distribution's" if sys.base_prefix == "/usr" else "another build"
    words = (
        f"{facts['date']}: {facts['cores']} cores ({facts['processor']}) for bridge, responder and "
        f"load; Linux {platform.release().split('-')[0]}, Python {facts['python']} ({build}), "
        f"{used}; userspace datapath"
    )
    return facts | {"words": words}


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def _version(*argv: str) -> str:
    """The first number that a program says of itself; "" where it is not installed."""
    try:
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""
    found = re.search(r"\d+(\.\d+)+", said)
    return found.group(0) if found else ""
