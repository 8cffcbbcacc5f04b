"""What systemd is told of this service: sd_notify(3), a few words over a datagram socket.

Without `$NOTIFY_SOCKET` nobody wants to know, and nothing is sent. systemd-python needs headers
to be built and sdnotify is no longer looked after, for these few lines.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from socket import AF_UNIX, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_DGRAM, socket

_SOCKET = "NOTIFY_SOCKET"


def tell(*words: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send words like `READY=1`, all in one datagram; whoever does not listen misses it."""
    address = environment.get(_SOCKET, "")
    if not words or address[:1] not in {"/", "@"}:
        return
    octets = os.fsencode(address)
    if octets[:1] == b"@":  # Linux's abstract names
        octets = b"\0" + octets[1:]
    with socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC) as sender, suppress(OSError):
        sender.sendmsg(["\n".join(words).encode()], [], MSG_DONTWAIT, octets)


def ready(status: str) -> None:
    """Started, or done with a reload."""
    tell("READY=1", status_word(status))


def status_word(status: str) -> str:
    """What `systemctl status` shows, on one line."""
    return "STATUS=" + " ".join(status.split())


@contextmanager
def reloading() -> Iterator[None]:
    """For as long as a reload takes, however it ends.

    `Type=notify-reload` waits for both words in one message, and for READY=1 after it.
    """
    tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        tell("READY=1")


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two `WATCHDOG=1`, half of what systemd allows; None where it watches not."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    allowed = environment.get("WATCHDOG_USEC", "")
    return int(allowed) / 2e6 if allowed.isdecimal() and int(allowed) else None
