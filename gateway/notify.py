"""Tell systemd how we are (sd_notify), if it asked."""

import os
import socket


def notify(state: str) -> None:
    """Send one state (`READY=1`, `STOPPING=1`); nothing happens where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            # Whoever listened is gone: that must not stop a gateway.
            return
