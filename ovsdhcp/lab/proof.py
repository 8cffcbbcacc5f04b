"""What `ovsdhcp lab up` and `ovsdhcp lab down` do: the lab, and the user's proof that it works."""

import os
import shutil
import sys
from pathlib import Path

from ovsdhcp.lab.client import KINDS, Client, Outcome, kind_called
from ovsdhcp.lab.command import LabError, Voice, as_typed
from ovsdhcp.lab.laboratory import Lab, Names, counter
from ovsdhcp.lab.wire import Seen

PORT = "vm5"
EXAMPLE = Path(__file__).parents[2] / "configs/br-int.yaml"
CLIENTS = tuple(KINDS)


def up(config: Path | None = None, client: str = "dhclient", *, verbose: bool = False) -> None:
    """Make the lab, or what is missing of it, and show a client get its lease. LabError if not."""
    voice = Voice(verbose=verbose)
    table = lease_table(config)
    kind_called(client)
    lab = Lab(Names(), voice)
    lab.up(table)
    lab.wait_for_flows(PORT)
    lab.clear(PORT)
    show_lease(lab, client)
    show_flows(lab)
    show_next(lab)


def down(*, verbose: bool = False) -> bool:
    """Remove every trace of the lab; False if there was none."""
    voice = Voice(verbose=verbose)
    if Lab(Names(), voice).down():
        return True
    voice.step("there is no lab")
    return False


def lease_table(config: Path | None) -> Path:
    """The lease table to use: the one asked for, $OVSDHCP_CONFIG's, or the example's."""
    chosen = config or Path(os.environ.get("OVSDHCP_CONFIG") or EXAMPLE)
    if not chosen.is_file():
        raise LabError(f"there is no lease table {chosen}", advice="Name one: --config FILE")
    return chosen.resolve()


def show_lease(lab: Lab, kind: str) -> None:
    """Run the client and print what came of it."""
    client = lab.client(kind, PORT)
    with lab.sniff(PORT) as sniffer:
        lab.voice.show(f"\n$ {as_typed(client.command.shown or client.command.argv, {})}")
        client.start()
        outcome = client.wait_until_bound()
        lab.voice.show(timing(client, sniffer.read()))
    require_lease(client, outcome)
    for arguments in (("addr", "show", PORT), ("route", "show")):
        argv = ("ip", "netns", "exec", client.place.port.home, "ip", *arguments)
        lab.voice.show(f"\n$ {as_typed(argv, {})}")
        lab.voice.show(lab.shell.run(*argv, doing="show the lease").rstrip())
    lab.voice.show(f"\n$ cat {client.place.resolv_conf}   # the namespace's /etc/resolv.conf")
    lab.voice.show(client.place.resolv_conf.read_text().rstrip())


def require_lease(client: Client, outcome: Outcome) -> None:
    """A client that says it is bound has set an address."""
    if not outcome.addresses:
        said = client.log.read_text(errors="replace")
        raise LabError(f"{client.kind.name} is bound, but {PORT} has no address", said=said)


def timing(client: Client, seen: list[Seen]) -> str:
    """How long it took, and how that was measured."""
    whole = (
        f"bound {client.seconds:.2f} s after its start (until the command had set the address and "
        "gone to the background)"
    )
    first = next((it.at for it in seen if it.kind in ("DISCOVER", "REQUEST")), None)
    last = next((it.at for it in reversed(seen) if it.kind == "ACK"), None)
    lines = [whole, *([client.kind.note] if client.kind.note else [])]
    if first and last:
        said = " ".join(it.kind for it in seen)
        lines.append(f"on the wire: {said}, {(last - first) * 1000:.1f} ms from first to last")
    return "\n".join(lines)


def show_flows(lab: Lab) -> None:
    """Print the flows that had a part in it."""
    lab.voice.show(f"\n$ {_ofctl(lab)}   # the flows that were hit")
    lab.switch.count_packets()
    hit = [flow for table in (0, 22) for flow in lab.switch.flows(f"table={table}")]
    for flow in hit:
        if counter(flow):
            lab.voice.show(flow)


def show_next(lab: Lab) -> None:
    """Three commands to go on with."""
    lab.voice.show("\nThe lab stays up. Try next:")
    lab.voice.show("  ip netns exec vm3 dhclient -v vm3   # another port")
    lab.voice.show(f"  {_ofctl(lab)} table=22")
    lab.voice.show(f"  {_ovsdhcp()} lab down   # removes every trace")


def _ovsdhcp() -> str:
    """Our own command, as one can type it here."""
    beside = Path(sys.executable).parent / "ovsdhcp"
    if shutil.which("ovsdhcp") == str(beside):
        return "ovsdhcp"
    return str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)


def _ofctl(lab: Lab) -> str:
    argv = ("ovs-ofctl", "dump-flows", lab.names.bridge)
    return as_typed(argv, lab.switch.client_environment)
