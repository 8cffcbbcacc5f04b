"""DHCP for Open vSwitch ports, answered by OpenFlow flows and a Ryu application."""

__version__ = "0.1.0"
