"""The lab: a bridge, a controller and real DHCP clients made and unmade by one command.

    command     running commands, telling about them, LabError
    deadline    waiting with an end
    namespace   network namespaces and who lives in them
    state       what was made, written down
    bridge      an Open vSwitch of its own
    port        a veth pair to a namespace
    controller  ryu-manager ovsdhcp.app
    client      dhclient, udhcpc, dhcpcd, systemd-networkd
    wire        the DHCP that passes an interface
    laboratory  all of it together: Lab
    proof       what `ovsdhcp lab up` shows

It knows nothing of how ovsdhcp answers; it starts it as a user does, and looks at what comes out.
"""

from ovsdhcp.lab.command import LabError
from ovsdhcp.lab.proof import CLIENTS, down, up

__all__ = ["CLIENTS", "LabError", "down", "up"]
