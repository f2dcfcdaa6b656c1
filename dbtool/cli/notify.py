"""Telling systemd how a long-running command does, by the protocol of sd_notify(3).

A datagram to the socket that `NOTIFY_SOCKET` names; without it, nothing. Written here in a dozen
lines, because the packages for it bind the C library of systemd.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from dbtool.config import environment

__all__ = ["notify"]


def notify(*assignments: str) -> None:
    """Send assignments such as `READY=1` or `STATUS=idle`; never fails."""
    address = environment().get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    message = "\n".join(assignment.replace("\n", " ") for assignment in assignments)
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
    ):
        sender.settimeout(1.0)
        sender.sendto(message.encode("utf-8", "replace"), name)
