"""Tell the service manager how it goes (sd_notify(3)): one datagram, or nothing without systemd."""

import os
import socket


def notify(state: str) -> bool:
    """Send a state such as `READY=1`, `STATUS=…` or `WATCHDOG=1` to whoever started us.

    Never blocks and never fails: a notification that does not arrive must not stop the agent.

    Returns:
        Whether it was handed over; False without `NOTIFY_SOCKET`.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            line.setblocking(False)
            line.sendto(state.encode(), address)
    except OSError:
        return False
    return True
