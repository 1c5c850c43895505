"""What the folders of entries hold, judged against their manifests; nothing is changed here."""

from pathlib import Path

from device.core import manifest as manifests
from device.errors import SpoolDamaged, SpoolError
from device.model import EntryId, Manifest, Receipt
from device.spool.durable import storage
from device.spool.layout import MANIFEST, RECEIPT, Layout
from device.spool.tombstones import decode_receipt


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in an entry's folder.

    Raises:
        SpoolTooNew: A newer Fieldpost wrote it.
        SpoolDamaged: It is missing, unreadable, or of another entry.
        SpoolStorageFailed: The disk failed.
    """
    try:
        with storage(f"cannot read the manifest of {folder.name}"):
            blob = (folder / MANIFEST).read_bytes()
    except SpoolError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise SpoolDamaged(f"{folder.name} has no manifest") from error
        raise
    manifest = manifests.decode(blob)
    if manifest.key.entry_id() != folder.name:
        raise SpoolDamaged(f"{folder.name} holds the manifest of {manifest.key.entry_id()}")
    return manifest


def read_receipt(folder: Path) -> Receipt | None:
    """Read the receipt in an entry's folder; None when there is none that can be read."""
    try:
        return decode_receipt((folder / RECEIPT).read_bytes())
    except (OSError, SpoolDamaged):
        return None


def missing_media(folder: Path, manifest: Manifest) -> dict[int, str]:
    """Say what is wrong with the media of a folder by name and size alone, by index."""
    problems = {}
    for medium in manifest.media:
        try:
            size_bytes = (folder / medium.file).stat().st_size
        except FileNotFoundError:
            problems[medium.index] = f"{medium.file} is missing"
        except OSError as error:
            problems[medium.index] = f"{medium.file} cannot be read: {error.strerror}"
        else:
            if size_bytes != medium.size_bytes:
                problems[medium.index] = (
                    f"{medium.file} has {size_bytes} bytes instead of {medium.size_bytes}"
                )
    return problems


def find(layout: Layout, entry: EntryId) -> Path | None:
    """Find where an entry's folder lies, whatever the index says."""
    for place in (layout.sealed, layout.incoming, layout.quarantine):
        if (place / entry).is_dir():
            return place / entry
    return None
