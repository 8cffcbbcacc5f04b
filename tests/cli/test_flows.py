"""The golden flows: what `ovsdhcp flows render` prints of the examples is what `flows/` holds."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from ovsdhcp.cli import main

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "flows").glob("*.flows"))


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_rendered_flows_are_the_golden_ones(golden: Path) -> None:
    """To renew: `ovsdhcp flows render configs/NAME.yaml > flows/NAME.flows`, and read the diff."""
    config = ROOT / "configs" / f"{golden.stem}.yaml"
    result = CliRunner().invoke(main, ["flows", "render", str(config)])
    assert (result.exit_code, result.stdout) == (0, golden.read_text())


def test_there_are_golden_flows() -> None:
    assert GOLDEN


def test_a_wrong_table_prints_no_flow(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("subnets: {}\nbridges: {br-int: {prots: {}}}\n")
    result = CliRunner().invoke(main, ["flows", "render", str(wrong)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"{wrong}:2:" in result.stderr
    assert "did you mean `ports`" in result.stderr
