"""DHCPv4 without a switch: bytes, a binding and the time in; a reply or a named reason out."""
