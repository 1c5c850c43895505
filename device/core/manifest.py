"""The manifest of a sealed entry: what makes its folder self-describing.

One canonical CBOR map with text keys, the fields of `device.model.Manifest`, first released as
`schema_version` 1. Golden vectors: tests/vectors/manifest/.
"""

import re
from dataclasses import replace

from device.core import canonical
from device.core.medium_name import called
from device.errors import SpoolDamaged, SpoolTooNew
from device.model import Entry, Manifest, Medium, Recording, SealedMedium

SCHEMA_VERSION = 1

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


def encode(manifest: Manifest) -> bytes:
    """Encode a manifest; the same manifest always gives the same bytes."""
    return canonical.encode(manifest)


def decode(blob: bytes) -> Manifest:
    """Decode a manifest strictly.

    Raises:
        SpoolTooNew: A later schema version; the folder is to be left alone.
        SpoolDamaged: Anything else that `encode` would not have written.
    """
    version = canonical.decode_map(blob, "the manifest").get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise SpoolTooNew(f"the manifest has schema version {version}, known is {SCHEMA_VERSION}")
    manifest = canonical.decode(blob, Manifest, "the manifest")
    if manifest.schema_version != SCHEMA_VERSION:
        raise SpoolDamaged(f"the manifest has schema version {manifest.schema_version}")
    _check(manifest)
    return manifest


def of_entry(entry: Entry) -> Manifest:
    """Build the manifest of an entry whose media are all finished.

    Raises:
        SpoolDamaged: A medium has no digest yet, or no time of sealing is set.
    """
    if entry.sealed_at is None:
        raise SpoolDamaged(f"entry {entry.id} has no time of sealing")
    media = []
    for held in entry.media:
        if held.sha256 is None or held.md5 is None:
            raise SpoolDamaged(f"{called(held.medium)} of entry {entry.id} is not finished")
        media.append(
            SealedMedium(
                index=held.medium.index,
                file=held.file,
                name=held.medium.name,
                kind=held.medium.kind,
                content_type=held.medium.content_type,
                size_bytes=held.medium.size_bytes,
                sha256=held.sha256,
                md5=held.md5,
                captured_at=held.medium.captured_at,
                captured_at_trusted=held.medium.captured_at_trusted,
                t_offset_ms=held.medium.t_offset_ms,
            )
        )
    recording = entry.recording
    return Manifest(
        schema_version=SCHEMA_VERSION,
        key=recording.key,
        media=tuple(media),
        sealed_at=entry.sealed_at,
        started_at=recording.started_at,
        ended_at=recording.ended_at,
        times_trusted=recording.times_trusted,
        metadata=dict(recording.metadata),
    )


def outgoing(entry: Entry) -> Manifest:
    """Build what a cloud is told of an entry: parts stand in the place of a medium that was cut.

    Raises:
        SpoolDamaged: As from `of_entry`.
    """
    manifest = of_entry(entry)
    parts = {m.medium.index: m.cut.parts for m in entry.media if m.cut is not None and m.parts}
    media = tuple(each for m in manifest.media for each in parts.get(m.index, (m,)))
    return replace(manifest, media=media)


def recording_of(manifest: Manifest) -> Recording:
    """Give back the recording that a manifest describes; every digest is known by now."""
    return Recording(
        key=manifest.key,
        media=tuple(
            Medium(
                index=medium.index,
                name=medium.name,
                kind=medium.kind,
                content_type=medium.content_type,
                size_bytes=medium.size_bytes,
                sha256=medium.sha256,
                captured_at=medium.captured_at,
                captured_at_trusted=medium.captured_at_trusted,
                t_offset_ms=medium.t_offset_ms,
            )
            for medium in manifest.media
        ),
        started_at=manifest.started_at,
        ended_at=manifest.ended_at,
        times_trusted=manifest.times_trusted,
        metadata=dict(manifest.metadata),
    )


def _check(manifest: Manifest) -> None:
    """Refuse what would be unsafe or meaningless to act on."""
    if len({m.index for m in manifest.media}) != len(manifest.media):
        raise SpoolDamaged("the manifest names a medium twice")
    if len({m.file for m in manifest.media}) != len(manifest.media):
        raise SpoolDamaged("the manifest names a file twice")
    for medium in manifest.media:
        if medium.index < 0 or medium.size_bytes < 0:
            raise SpoolDamaged("the manifest has a negative index or size")
        if not _FILE.match(medium.file):
            raise SpoolDamaged(f"the manifest names an impossible file: {medium.file!r}")
        if not _SHA256.match(medium.sha256) or not _MD5.match(medium.md5):
            raise SpoolDamaged(f"the manifest has an impossible digest for {medium.file}")
