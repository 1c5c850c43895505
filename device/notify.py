"""Tell the service manager how it goes (sd_notify(3)): one datagram, or nothing without systemd."""

import os
import socket
from collections.abc import Mapping


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


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Say within how many seconds each `WATCHDOG=1` must follow the last (sd_watchdog_enabled(3)).

    Returns:
        None if nobody waits for them: no watchdog, or it is another process that must send them.
    """
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / 1_000_000 if text.isascii() and text.isdigit() and int(text) else None
