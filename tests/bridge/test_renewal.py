"""A lease of 20 s: renewed at T1 by unicast; where that does not get through, at T2 by broadcast.

Here waiting is the matter itself. The two clients run at the same time, so it is waited for once.
"""

from ovsdhcp.lab.laboratory import Lab
from ovsdhcp.lab.wire import Seen, Sniffer

LEASE = 20
BOTH_WAYS = True
LEASE_TABLE = f"""
subnets:
  vm-net:
    cidr: 172.16.255.128/26
    server_id: 172.16.255.129
    server_mac: 02:ac:10:ff:01:29
    lease_time: {LEASE}
    options: {{router: 172.16.255.129}}
bridges:
  br-int:
    ports:
      vm5: {{subnet: vm-net, mac: 02:ac:10:ff:01:30, ip: 172.16.255.130}}
      vm3: {{subnet: vm-net, mac: 02:ac:10:ff:01:33, ip: 172.16.255.133}}
"""
ASK_OFTEN = "initial-interval 1;\nbackoff-cutoff 2;\n"
"""dhclient waits 10 s between its questions: with this lease, often from before T2 to its end."""
NO_UNICAST = "priority=65535,udp,in_port=vm3,nw_dst=172.16.255.129,tp_dst=67,actions=drop"


def renewing(seen: Seen) -> bool:
    """A client's question about the address it uses (RFC 2131 4.3.2: ciaddr is filled)."""
    return seen.kind == "REQUEST" and seen.ciaddr != "0.0.0.0"


def answer_to(question: Seen, sniffer: Sniffer) -> Seen:
    answer = sniffer.wait(lambda it: it.kind == "ACK" and it.at > question.at, within=2)
    assert answer is not None
    return answer


def test_lease_is_renewed_at_t1_by_unicast_and_at_t2_by_broadcast(lab: Lab) -> None:
    lab.switch.ofctl("add-flow", "--names", "br-int", NO_UNICAST, doing="drop vm3's unicast")
    with lab.sniff("vm5") as at_vm5, lab.sniff("vm3") as at_vm3:
        clients = [lab.client("dhclient", port) for port in ("vm5", "vm3")]
        for client in clients:
            with (client.place.etc / "dhcp/dhclient.conf").open("a") as conf:
                conf.write(ASK_OFTEN)
            client.start()
            client.wait_until_bound()

        renewal = at_vm5.wait(renewing, within=LEASE * 0.7)
        assert renewal is not None
        assert (renewal.target, renewal.source) == ("172.16.255.129", "172.16.255.130")
        assert renewal.target_mac == "02:ac:10:ff:01:29", "found by ARP"
        answer = answer_to(renewal, at_vm5)
        assert (answer.target, answer.source) == ("172.16.255.130", "172.16.255.129")

        rebinding = at_vm3.wait(lambda it: renewing(it) and not it.unicast, within=LEASE)
        assert rebinding is not None
        bound_at = next(it.at for it in at_vm3.seen if it.kind == "ACK")
        assert rebinding.at - bound_at > LEASE * 0.8
        assert any(renewing(it) and it.unicast for it in at_vm3.seen), "it tried unicast before"
        assert answer_to(rebinding, at_vm3).yiaddr == "172.16.255.133"
    for client, address in zip(clients, ("172.16.255.130/26", "172.16.255.133/26"), strict=True):
        assert client.outcome().addresses == (address,)
