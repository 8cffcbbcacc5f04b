"""`ovsdhcp trace` and `ovsdhcp explain`: the engine's own decisions, put into words."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ovsdhcp.cli import main
from ovsdhcp.config.loading import load
from ovsdhcp.dhcp import server
from ovsdhcp.dhcp.reasons import REASONS
from ovsdhcp.trace import find_port
from tests.dhcp.wire import bootp, frame, mac

EXAMPLE = Path(__file__).parents[2] / "configs/br-int.yaml"
OURS, OTHERS = "172.16.255.130", "172.16.255.177"
CLIENT = mac("02:ac:10:ff:01:30")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def trace(*arguments: str, port: str = "vm5") -> Result:
    return run("trace", str(EXAMPLE), port, *arguments)


@pytest.mark.parametrize(
    ("arguments", "reason", "answer"),
    [
        (["--discover"], "offer", "OFFER"),
        (["--request", OURS], "ack-init-reboot", "ACK"),
        (["--request", OURS, "--option", "54=172.16.255.129"], "ack-selecting", "ACK"),
        (["--request", OURS, "--option", "server_id=192.0.2.1"], "other-server", "none"),
        (["--request", OTHERS], "nak-wrong-address", "NAK"),
        (["--request", "10.0.0.1"], "nak-off-network", "NAK"),
        (["--ciaddr", OURS], "ack-renewing", "ACK"),
        (["--ciaddr", OTHERS], "nak-wrong-address", "NAK"),
        (["--discover", "--option", "82=0104cafecafe"], "relay-option", "none"),
    ],
)
def test_every_question_has_its_answer_and_reason(
    arguments: list[str], reason: str, answer: str
) -> None:
    result = trace(*arguments)
    assert result.exit_code == 0, result.output
    assert f"reason: {reason}, {REASONS[reason].meaning}" in result.stdout
    assert ("\nreply\n" in result.stdout) == (answer != "none")
    shown = json.loads(trace(*arguments, "--json").stdout)
    assert shown["reason"]["code"] == reason
    assert [step["outcome"] for step in shown["steps"]][-1].startswith(("refused", answer))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (["--discover"], "172.16.255.131"),
        (["--request", "172.16.255.132"], "172.16.255.132"),
        (["--ciaddr", "172.16.255.132"], "172.16.255.132"),
        (["--request", OTHERS], None),
    ],
)
def test_of_several_hosts_the_one_asks_whose_address_it_is(
    asked: list[str], given: str | None
) -> None:
    shown = json.loads(trace(*asked, "--json", port="vm2").stdout)
    assert shown["steps"][0]["outcome"].startswith(f"{given or '172.16.255.131'} of")
    assert shown["reply"].get("yiaddr") == given


def test_the_reply_is_decoded_by_name() -> None:
    reply = json.loads(trace("--discover", "--json").stdout)["reply"]
    options = {option["name"]: option["value"] for option in reply["options"]}
    assert reply["yiaddr"] == OURS
    assert options["router"] == ["172.16.255.129"]
    assert options["netmask"] == "255.255.255.192"
    assert options["classless_static_route"][1] == {"to": "0.0.0.0/0", "via": "172.16.255.129"}


@pytest.mark.parametrize("kind", [1, 3, 4, 7, 8, 9])
def test_a_given_frame_is_judged_as_the_engine_judges_it(kind: int) -> None:
    question = frame(bootp(kind, {12: b"x"}, chaddr=CLIENT), eth_src=CLIENT)
    _, port = find_port(load(EXAMPLE), "vm5")
    judged = server.answer(question, port.bindings[0], 0.0)
    shown = json.loads(trace("--hex", question.hex(":"), "--json").stdout)
    assert shown["reason"]["code"] == judged.reason.code


@pytest.mark.parametrize(
    ("port", "arguments", "status", "said"),
    [
        ("vm9", ["--discover"], 1, "no bridge of the table has a port `vm9`"),
        ("vm5", [], 2, "say what the client asks"),
        ("vm5", ["--discover", "--request", OURS], 2, "say what the client asks"),
        ("vm5", ["--request", "300.0.0.1"], 2, "`300.0.0.1` is not an IPv4 address"),
        ("vm5", ["--hex", "zz"], 2, "expected pairs of hexadecimal digits"),
        ("vm5", ["--hex", "00", "--discover"], 2, "nothing can be added"),
        ("vm5", ["--discover", "--option", "12"], 2, "`12` has no `=`"),
        ("vm5", ["--discover", "--option", "ruoter=1.2.3.4"], 2, "did you mean router"),
        ("vm5", ["--discover", "--option", "router=x"], 2, "router: "),
    ],
)
def test_wrong_input_is_named(port: str, arguments: list[str], status: int, said: str) -> None:
    result = trace(*arguments, port=port)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


def test_a_frame_that_is_no_dhcp_is_a_reason_too() -> None:
    shown = json.loads(trace("--hex", "00" * 60, "--json").stdout)
    assert shown["reason"]["code"] == "source-mac"
    assert shown["reply"] is None


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_explained(code: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 0
    assert REASONS[code].meaning in result.stdout
    assert REASONS[code].advice in result.stdout


def test_reasons_are_listed_and_an_unknown_one_is_refused() -> None:
    assert all(code in run("explain").stdout for code in REASONS)
    wrong = run("explain", "wrong-address")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "did you mean nak-wrong-address" in wrong.stderr
