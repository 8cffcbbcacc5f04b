"""The systemd unit is right by systemd's own judgement, and exposes as little as it says."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "systemd/ovsdhcp.service"
EXPOSURE = 11
"""Tenths on systemd's scale of 0 (nothing) to 10 (everything); docs/service.md says so."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")


def analyze(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    done = ("systemd-analyze", *words)
    return subprocess.run(done, capture_output=True, text=True, check=False)


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    installed = tmp_path / UNIT.name
    text = UNIT.read_text()
    assert "/opt/ovsdhcp/bin/ryu-manager" in text
    installed.write_text(text.replace("/opt/ovsdhcp/bin/ryu-manager", "/bin/true"))
    done = analyze("verify", "--man=no", installed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_fault_would_be_found(tmp_path: Path) -> None:
    broken = tmp_path / UNIT.name
    broken.write_text(UNIT.read_text().replace("Type=notify", "Type=notfy"))
    assert "notfy" in analyze("verify", "--man=no", broken).stderr


@pytest.mark.parametrize(("threshold", "passes"), [(EXPOSURE, True), (EXPOSURE - 1, False)])
def test_its_exposure(threshold: int, passes: bool) -> None:
    done = analyze("security", "--offline=true", f"--threshold={threshold}", UNIT)
    assert (done.returncode == 0) is passes, done.stdout
