"""What a DHCPv4 server must and should do, and what this one does: the source of docs/rfc.md.

`rfc` makes the document of it, with the tests that bear each rule's name (`pytest.mark.rule`).
`T3 ...` are the cells of RFC 2131's table 3.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """What is demanded, where (`RFC ` left out), and what is done."""

    demand: str
    rfc: str
    done: str


RULES: dict[str, Rule] = {
    # -- the message
    "F1": Rule("only a BOOTREQUEST is for a server", "2131 §2", "any other op: silence"),
    "F2": Rule("236 octets of fixed part, then the magic cookie", "2131 §3",
               "shorter, or another cookie: silence, BOOTP is not served"),
    "F3": Rule("option 53 in every message, one octet", "2131 §3, 2132 §9.6",
               "none, or another length: silence"),
    "F4": Rule("END ends the options, PAD may be anywhere", "2132 §3.1, §3.2", "yes"),
    "F5": Rule("a missing END is put up with", "all servers in use", "yes"),
    "F6": Rule("no option may leave its field", "2131 §4.1",
               "the message is refused: what lies about one length may lie about others"),
    "F7": Rule("an Ethernet client: htype 1, hlen 6", "2131 §2",
               "anything else, or a chaddr that is zero or a group: silence"),
    "F8": Rule("reserved flags mean nothing, flags are copied", "2131 §2, table 3", "yes"),
    "F9": Rule("a BOOTP message has at least 300 octets", "1542 §2.1", "filled up to it"),
    "F10": Rule("options end with END, then PAD", "2131 §4.1", "yes"),
    "F11": Rule("overloaded fields are read: file, then sname, never again", "2131 §4.1, 2132 §9.3",
                "yes; a value other than 1 to 3 counts as not sent"),
    "F12": Rule("what does not fit may go to file and sname", "2131 §4.1, 3046 §2.2",
                "yes, where these are free; never options 53 and 82, never in a NAK"),
    "F13": Rule("an option's instances are one option in parts", "3396 §7",
                "joined before anything is looked at: options, file, sname"),
    "F14": Rule("an option over 255 octets goes in adjacent parts", "3396 §6",
                "up to 1,024 octets"),
    "F15": Rule("no datagram larger than option 57, which is 576 or more", "2131 §2, 2132 §9.10",
                "576 without it; at most 1,500, since a reply is never fragmented"),
    "F16": Rule("what is needed comes first where not all fits", "2131 §4.3.1",
                "53, 54, 51, 61, 82, 56, 1, 3, 6, 58, 59, then as asked; "
                "what is left out is in the decision (`left_out`)"),
    "F17": Rule("the netmask before the router", "2132 §3.3", "yes, in whatever order asked"),
    "F18": Rule("NULs at a text's end are dropped", "2132 §2",
                "yes; an empty host name is none, not an error"),
    "F19": Rule("unknown options are passed over", "2132 §2", "yes"),
    "F20": Rule("only port 67 is fixed on the way to a server", "2131 §4.1",
                "any source port; answered at 68, a relay at 67"),
    # -- where a reply goes
    "A1": Rule("with giaddr: to the relay", "2131 §4.1",
               "on a trusted port; on others a relay is nobody's, and refused"),
    "A2": Rule("with ciaddr: to it, by unicast", "2131 §4.1", "RENEWING and REBINDING"),
    "A3": Rule("with the broadcast bit: to everybody", "2131 §4.1", "on the link as well"),
    "A4": Rule("else to yiaddr at chaddr, without ARP", "2131 §4.1", "yes"),
    "A5": Rule("a NAK without a relay: to everybody, in all cases", "2131 §4.1", "yes"),
    "A6": Rule("a relayed NAK bears the broadcast bit", "2131 §4.3.2", "yes"),
    "A7": Rule("the ACK to an INFORM: to ciaddr", "2131 §4.3.5", "yes, whatever the bit"),
    "A8": Rule("ciaddr is 0 before a client is bound", "2131 table 5",
               "whatever it is in DISCOVER and SELECTING, it counts as 0"),
    "A9": Rule("from the server identifier, port 67, sums right",
               "2131 §4.1, 1122 §4.1.3.4", "yes"),
    "A10": Rule("only where the question came from", "ours",
                "out of the same port, with the same VLAN tags"),
    # -- RFC 2131's table 3: fields
    "T3 op": Rule("BOOTREPLY", "2131 table 3", "yes"),
    "T3 htype": Rule("Ethernet's", "2131 table 3", "1"),
    "T3 hlen": Rule("Ethernet's", "2131 table 3", "6"),
    "T3 hops": Rule("0", "2131 table 3", "yes"),
    "T3 xid": Rule("the client's", "2131 table 3", "yes"),
    "T3 secs": Rule("0", "2131 table 3", "yes"),
    "T3 ciaddr": Rule("0, the client's in an ACK", "2131 table 3", "yes"),
    "T3 yiaddr": Rule("the address; 0 in a NAK, and to an INFORM", "2131 table 3", "yes"),
    "T3 siaddr": Rule("the next server of a boot", "2131 table 3", "`next_server`; 0 in a NAK"),
    "T3 flags": Rule("the client's", "2131 table 3", "yes (but A6)"),
    "T3 giaddr": Rule("the client's", "2131 table 3", "yes"),
    "T3 chaddr": Rule("the client's", "2131 table 3", "all 16 octets"),
    "T3 sname": Rule("a server's name, or options", "2131 table 3",
                     "`tftp_server` where it was not asked for by option; nothing of the client's"),
    "T3 file": Rule("a boot file's name, or options", "2131 table 3",
                    "`bootfile_name` where it was not asked for by option"),
    # -- and options
    "T3 50 requested address": Rule("never", "2131 table 3", "yes"),
    "T3 51 lease time": Rule("in OFFER and ACK, never to an INFORM", "2131 table 3", "yes"),
    "T3 52 overload": Rule("may be, not in a NAK", "2131 table 3", "if needed (F12)"),
    "T3 53 message type": Rule("always", "2131 table 3", "first"),
    "T3 54 server id": Rule("always, in a NAK too", "2131 table 3", "yes"),
    "T3 55 parameter list": Rule("never", "2131 table 3", "yes"),
    "T3 56 message": Rule("should be", "2131 table 3", "in a NAK: the reason in words"),
    "T3 57 max size": Rule("never", "2131 table 3", "yes"),
    "T3 58 59": Rule("should be with a lease, else never", "2131 §4.4.5, table 3", "yes"),
    "T3 60 vendor class": Rule("may be", "2131 table 3", "if configured and asked for"),
    "T3 61 client id": Rule("as sent, else never", "6842 §3", "yes"),
    "T3 82 relay agent": Rule("as sent, else never", "3046 §2.2", "yes, last"),
    "T3 others": Rule("may be, never in a NAK", "2131 table 3", "see D6"),
    # -- what is offered
    "D1": Rule("which address: current, previous, requested, new", "2131 §4.3.1",
               "the port's, the only one that there is for it"),
    "D2": Rule("what is offered to one is not offered to another", "2131 §4.3.1",
               "an address belongs to one port"),
    "D3": Rule("a DISCOVER commits to nothing", "2131 §4.3.1", "nothing is kept of it"),
    "D4": Rule("a lease time asked for may be granted or not", "2131 §4.3.1",
               "the table's; what the client asks for has no say"),
    "D6": Rule("everything configured and asked for, once; nothing that is not configured",
               "2131 §4.3.1", "yes; 1, 51, 53, 54, 58 and 59 unasked, echoes as they came"),
    "D7": Rule("in the order asked for", "2132 §9.8", "yes; what was not asked for comes before"),
    "D8": Rule("OFFER and ACK carry the same", "2131 §4.3.1", "yes"),
    "D9": Rule("a client is known by its identifier, else by chaddr", "2131 §4.2",
               "by its port, as a table may have it; both identifiers are in the decision"),
    "D10": Rule("clients may be ignored by policy", "2131 §4.2",
                "another MAC than the table's, or than the frame's (but on a trusted port)"),
    "D11": Rule("no server identifier in a DISCOVER", "2131 table 5", "with one: silence"),
    # -- REQUEST
    "R1": Rule("54: SELECTING; else 50: INIT-REBOOT; else ciaddr: RENEWING, REBINDING",
               "2131 §4.3.2, table 4", "yes"),
    "R2": Rule("another server was chosen: no answer", "2131 §3.1 (4)", "yes"),
    "R3": Rule("this server, but another address: NAK", "2131 §3.5", "yes, authoritative or not"),
    "R4": Rule("SELECTING with ciaddr is a common mistake", "2131 §4.3.2", "ACK, to yiaddr"),
    "R5": Rule("INIT-REBOOT: ACK if right, NAK if not", "2131 §4.3.2", "yes"),
    "R6": Rule("INIT-REBOOT of what is unknown: silence, unless the server knows all",
               "2131 §4.3.2", "NAK; silence with `authoritative: false`"),
    "R7": Rule("RENEWING and REBINDING: ciaddr is checked", "2131 §4.3.2",
               "ACK to ciaddr, else a NAK to everybody"),
    "R8": Rule("an extension may be refused, the rest of the lease still confirmed", "2131 §4.3.2",
               "never refused: each ACK is for the whole lease time"),
    "R9": Rule("a REQUEST that names no address: NAK", "2131 §4.3.2", "yes"),
    "R10": Rule("a renewal with a server identifier is RFC 1541's", "1541 §4.3.2", "ACK"),
    "R11": Rule("a repeated REQUEST has the same answer", "2131 §3.1", "yes"),
    "R12": Rule("what is promised is stored before", "2131 §2.1, §3.1 (4)",
                "the lease table is the store: an ACK says nothing that a restart could forget"),
    # -- DECLINE, RELEASE, INFORM
    "X1": Rule("DECLINE: the address is not available; no answer", "2131 §4.3.3",
               "recorded, and withheld for the subnet's `decline_probation`"),
    "X2": Rule("DECLINE of what the client does not have", "2131 §4.3.3",
               "nothing; it must name the address and this server (table 5)"),
    "X3": Rule("RELEASE: the address is free; no answer", "2131 §4.3.4",
               "recorded if ciaddr is the port's address"),
    "X4": Rule("INFORM: no lease, no check, yiaddr 0", "2131 §4.3.5", "yes"),
    "X5": Rule("INFORM from no address", "2131 §4.4.3", "silence"),
    # -- times and identity
    "T1": Rule("T1 is half the lease, T2 seven eighths, T1 < T2 < lease", "2131 §4.4.5",
               "or as the table has them; one that is out of order is not sent"),
    "T2": Rule("clients should not renew all at once", "2131 §4.4.5",
               "renewals get T1 and T2 up to 1/16 earlier, always the same for one MAC"),
    "T3": Rule("0xffffffff is without end", "2131 §3.3", "`infinite`; then without T1 and T2"),
    "I1": Rule("a server identifier that clients can reach", "2131 §4.1",
               "the subnet's `server_id`"),
    # -- other RFCs
    "3442": Rule("a client with option 121 does not look at option 3", "3442",
                 "the default route goes into 121 (and 249); 3 as well if asked for"),
    "3046": Rule("option 82: discarded from a circuit, echoed last to an agent", "3046 §2.1, §2.2",
                 "by the port's `trusted`"),
    "6842": Rule("option 61 goes back unaltered in OFFER, ACK and NAK", "6842 §3", "yes"),
    "3396": Rule("long options both ways", "3396 §6, §7", "see F13, F14"),
    "4361": Rule("client identifiers are opaque", "2132 §9.14, 4361 §6.3", "yes, of any length"),
    "8925": Rule("option 108 only if asked for, 300 s at least", "8925 §3.3",
                 "yes, checked at load"),
    "8910": Rule("captive portal", "8910 §2.1", "`captive_portal`"),
    "4702": Rule("option 81: answered if sent, RCODEs 255, E copied, reserved bits ignored",
                 "4702 §2.1, §4",
                 "N: no DNS updates here; O if the client wanted some; malformed: not sent"),
    "3004": Rule("user classes have lengths", "3004 §4", "iPXE's bare text is read as well"),
    "4578": Rule("PXE: by architecture, option 97", "4578 §2.1, §2.3",
                 "`by_arch`; 97 is echoed if well-formed"),
    "iPXE": Rule("iPXE does not load itself", "iPXE", "`ipxe`, by option 175 or user class"),
    "3397": Rule("domain search list, compressed", "3397 §2", "yes"),
    "7844": Rule("random MACs and no names", "7844", "served where the port decides"),
    "types": Rule("values as their RFC has them", "2132 and others",
                  "checked when the table is loaded"),
}  # fmt: skip

CHOICES: dict[str, str] = {
    "No checksum is verified.":
        "A virtual port with offload leaves UDP's unfinished, and some datapaths IPv4's. No length "
        "is trusted, so a flipped bit does no more than another client could.",
    "A priority tag (VLAN 0) is not sent back.":
        "It says that the frame belongs to no VLAN (IEEE 802.1Q §6.9); Windows and virtio send it.",
    "A frame to the server's address is served whatever MAC it is for.":
        "The flow picked it for its address, and a client's ARP cache may be older than the table.",
    "A broadcast datagram in a frame to another station is not.":
        "It was not meant for everybody, and so not for this server.",
    "On a bridge only 68→67 is handed over, from a trusted port anything to 67.":
        "The flows ask as OVN's do; a relay, which asks from 67, is behind a trusted port or "
        "nowhere. The engine itself takes any source port (F20).",
    "IP options, source routes too, are passed over; fragments are refused.":
        "The reply takes no route from them. Fragments would have to be kept, and no client sends "
        "any: a message of 1,472 octets fits a frame.",
    "What a server must understand and cannot makes the message malformed; the rest not sent.":
        "Options 50, 53 and 54 decide where the reply goes and whose it is. A wrong 51, 55, 57, "
        "61, 81, 93 or 97 costs the client that option, where Kea drops the packet.",
    "The netmask goes with every address, asked for or not.":
        "An address is of no use without; a client that forgets to ask would take its class's. Kea "
        "and dnsmasq do the same. An INFORM gets it if it asks.",
    "A client without a parameter request list gets all that is configured.":
        "RFC 2131 §4.3.1 leaves it open; ISC's dhcpd and OVN do so. Not 108, which it must ask "
        "for. Boot file and server name are in their fields as well.",
    "The lease time is the table's alone.":
        "RFC 2131 §4.3.1 leaves it to policy. A client that could shorten it would make work for "
        "everybody, one that could prolong it would outlive a change of the table.",
    "T1 and T2 are spread on renewals only, and by MAC rather than chance.":
        "OFFER and ACK stay the same (D8), one answer is always one answer (R11), and a fleet that "
        "booted at once drifts apart at its first renewal.",
    "While an address is on probation a DISCOVER has no answer, a REQUEST a NAK.":
        "A port has one address, so there is nothing else to offer; the client's own back-off is "
        "the right pace to ask again.",
    "A client is known by its port, not by its identifier.":
        "RFC 2131 §4.2 wants the identifier where there is one. Clones share theirs, and a new "
        "system on the same machine sends another; the table's owner plugged in the port.",
    "An INFORM is answered to the port's client alone.":
        "Its address is not checked (RFC 2131 §4.3.5), its MAC is, as for every message.",
    "Each subnet has one server identifier.":
        "RFC 2131 §4.1 has a server accept any of its addresses; this one has none but the "
        "table's.",
    "The server is authoritative unless told otherwise.":
        "The port is ours, so whatever address it has otherwise is wrong (R6). With "
        "`authoritative: false` silence instead, but not to a client that chose this server (R3).",
    "Option 50 beside ciaddr makes a REQUEST an INIT-REBOOT.":
        "Table 4 forbids the pair; dnsmasq reads it so too. The address in option 50 is judged.",
    "An INFORM without ciaddr is answered to its source address.":
        "RFC 2131 §4.4.3 wants ciaddr; ISC's dhcpd answers such clients as well.",
    "An echo that fits no reply is left out.":
        "A client identifier in parts may be longer than all of a reply. RFC 6842 has no answer.",
    "Not spoken: BOOTP, rapid commit (4039), subnet selection (3011), leasequery (4388), "
    "FORCERENEW (3203), authentication (3118), server identifier override (5107).":
        "None of them gives a port's client anything that the port does not decide already.",
    "Not applicable: pools, so no reservation of offers, probing of addresses, lease store.":
        "Each address is one port's by the table (D2, R12).",
}  # fmt: skip
"""What is left open, or is done otherwise than elsewhere: what, and why."""
