"""Strict stores for PUT with Content-Range, without I/O: Google's dialect and our gateway's.

Google keeps whole quanta of 262,144 bytes of an unfinished upload; our gateway keeps every byte.
Nothing is believed: lengths, totals and gaps are checked, and a client that breaks the rules gets
an error that its protocol must not survive.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field

QUANTUM_BYTES = 262_144
_SPAN = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_QUERY = re.compile(r"bytes \*/([0-9]+)")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class ChunkedStore:
    """One upload session. `quantum_bytes` is what persistence advances by."""

    total_bytes: int
    quantum_bytes: int = 1
    held: bytearray = field(default_factory=bytearray)
    done: bool = False
    gone: bool = False
    received_bytes: int = 0
    queries: int = 0

    def put(self, content_range: str | None, body: bytes, *, declared_bytes: int) -> Answer:
        """Take one PUT of which `body` arrived; shorter than declared means it was cut."""
        self.received_bytes += len(body)
        if self.gone:
            return 410, {}, b""
        if content_range is None:
            return 400, {}, b"this session wants Content-Range"
        if found := _QUERY.fullmatch(content_range):
            self.queries += 1
            if int(found[1]) != self.total_bytes or declared_bytes:
                return 400, {}, b"a query names the total and has no body"
            self.done = self.done or len(self.held) == self.total_bytes
            return self.status()
        return self._chunk(content_range, body, declared_bytes)

    def status(self) -> Answer:
        """Say what is held."""
        if self.done:
            digest = hashlib.sha256(self.held).hexdigest()
            return 200, {}, json.dumps({"content_sha256": digest, "size": len(self.held)}).encode()
        return 308, ({"Range": f"bytes=0-{len(self.held) - 1}"} if self.held else {}), b""

    def _chunk(self, content_range: str, body: bytes, declared_bytes: int) -> Answer:
        found = _SPAN.fullmatch(content_range)
        if found is None:
            return 400, {}, b"unreadable Content-Range"
        first, last, total = (int(part) for part in found.groups())
        final = last + 1 == total
        if total != self.total_bytes or last < first or last - first + 1 != declared_bytes:
            return 400, {}, b"Content-Range and Content-Length disagree"
        if not final and declared_bytes % QUANTUM_BYTES:
            return 400, {}, b"a chunk is a multiple of 262144 bytes"
        if self.done or first > len(self.held):
            return self.status()
        self.held += body[len(self.held) - first :]
        if len(self.held) == total:
            self.done = True
        else:
            del self.held[len(self.held) // self.quantum_bytes * self.quantum_bytes :]
        return self.status()
