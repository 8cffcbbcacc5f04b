"""Which boot file a client gets: by its architecture, and another one once it is iPXE."""

from collections.abc import Mapping

from ovsdhcp.dhcp.binding import Boot
from ovsdhcp.dhcp.message import ARCHITECTURE, ETHERBOOT, USER_CLASS


def boot_file(boot: Boot, options: Mapping[int, bytes]) -> str | None:
    """The file for the client that sent `options`, None where the table has none.

    A client that is iPXE already gets `boot.ipxe`, or it would load itself for ever. Others get
    the file of the first of their architectures that the table names (RFC 4578 §2.1).
    """
    if boot.ipxe is not None and is_ipxe(options):
        return boot.ipxe
    architectures = options.get(ARCHITECTURE, b"")
    for at in range(0, len(architectures), 2):
        file = boot.by_arch.get(int.from_bytes(architectures[at : at + 2], "big"))
        if file is not None:
            return file
    return boot.bootfile_name


def is_ipxe(options: Mapping[int, bytes]) -> bool:
    """Option 175 is iPXE's own; its user class is bare text, where RFC 3004 §4 wants lengths."""
    user_class = options.get(USER_CLASS, b"")
    return ETHERBOOT in options or user_class == b"iPXE" or b"\4iPXE" in user_class
