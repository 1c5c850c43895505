"""Names in a recordings folder: which count, how they are shown, and what identity they carry."""

import hashlib
import re
from collections.abc import Iterable

SIDECAR = "recording.json"
"""The file that seals a sub-folder; a recorder writes it last."""

OWN = ".fieldpost-"
"""What the driver itself leaves in a folder starts like this, hence is never listed."""

_UNFINISHED = (".part", ".partial", ".tmp")
_CARD_FURNITURE = frozenset({"lost+found", "System Volume Information", "$RECYCLE.BIN"})
_ESCAPED = re.compile(rb"%([0-9A-F]{2})")


def ignored(name: str) -> bool:
    """Tell whether a name is passed over: hidden, unfinished by convention, or a card's own."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED) or name in _CARD_FURNITURE


def plain(name: str) -> bool:
    """Tell whether a name is one file in one folder, and not a way elsewhere."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def label(name: str) -> str:
    """Make a file name safe to show, store and send, reversibly.

    Control and formatting characters, undecodable bytes and `%` become `%XX` per byte, so that two
    names never share a label.
    """
    return "".join(
        c
        if c.isprintable() and c != "%"
        else "".join(f"%{b:02X}" for b in c.encode("utf-8", "surrogateescape"))
        for c in name
    )


def name_of(shown: str) -> str:
    """Turn a `label` back into the file name. The result may be anything: see `plain`."""
    raw = _ESCAPED.sub(lambda m: bytes([int(m[1], 16)]), shown.encode("utf-8", "replace"))
    return raw.decode("utf-8", "surrogateescape")


def generation(media: Iterable[tuple[str, int, str]], sidecar_sha256: str | None) -> int:
    """Derive the generation of a recording from its content alone, 0 … 2**63 - 1.

    The same content on another disk is the same recording; the same name with other content is not.
    It is the first 8 bytes of a SHA-256, less the top bit so that it fits a signed column.

    Args:
        media: Name, size in bytes and sha256 of each medium, in the recording's order.
        sidecar_sha256: Digest of recording.json, None for a single file.
    """
    digest = hashlib.sha256(b"fieldpost folder 1\0")
    for name, size_bytes, sha256 in media:
        raw = name.encode("utf-8", "surrogateescape")
        digest.update(len(raw).to_bytes(4, "big") + raw)
        digest.update(size_bytes.to_bytes(8, "big") + bytes.fromhex(sha256))
    digest.update(bytes.fromhex(sidecar_sha256 or ""))
    return int.from_bytes(digest.digest()[:8], "big") >> 1
