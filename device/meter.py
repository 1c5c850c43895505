"""What the kernel knows of one TCP connection: bytes sent, acknowledged, queued."""

import contextlib
import fcntl
import os
import socket
import struct
import termios
from asyncio import WriteTransport

_BYTES_ACKED_AT = 120
_BYTES_SENT_AT = 200
"""Offsets in struct tcp_info of linux/tcp.h; unsigned 64-bit numbers. Sent is new in 4.19."""
_INFO_BYTES = _BYTES_SENT_AT + 8
_TCP_CLOSE = 7
"""Of net/tcp_states.h."""
_TCP_NOTSENT_LOWAT = 25
"""In linux/tcp.h; the socket module has no name for it."""


class Meter:
    """Measures through a descriptor of its own, so a cut can still be measured after the close."""

    def __init__(self, transport: WriteTransport) -> None:
        own = transport.get_extra_info("socket")
        # All three are said: else the kernel is asked for each.
        self._socket = socket.socket(own.family, own.type, own.proto, os.dup(own.fileno()))

    def acknowledged_bytes(self) -> int:
        """Bytes that the other side's kernel has; 0 if ours does not tell."""
        return _info(self._socket, _BYTES_ACKED_AT)

    def sent_bytes(self) -> int:
        """Bytes that have left, TLS and every retransmission included; 0 if not told."""
        return sent_bytes(self._socket)

    def queued_bytes(self) -> int:
        """Bytes that were handed over and are not acknowledged."""
        try:
            (count,) = struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, bytes(4)))
        except OSError:
            return 0
        return int(count)

    @property
    def over(self) -> bool:
        """Whether the connection has been reset, or closed by both sides."""
        try:
            state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return True
        return state == _TCP_CLOSE

    def keep_unsent(self, most_bytes: int) -> None:
        """Let no more than this wait in the kernel beyond what is in flight."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, most_bytes)

    def close(self) -> None:
        """Give the descriptor back. Idempotent."""
        self._socket.close()


def sent_bytes(connection: socket.socket) -> int:
    """Bytes that have left on a connection, retransmissions included; 0 if the kernel tells not."""
    return _info(connection, _BYTES_SENT_AT)


def _info(connection: socket.socket, at: int) -> int:
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (count,) = struct.unpack_from("Q", told, at)
    except (OSError, struct.error):
        return 0
    return int(count)
