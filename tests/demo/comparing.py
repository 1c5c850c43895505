"""Every medium at the recorder, in the spool and in the store, laid side by side."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from device.model import Entry
from device.spool.reader import read_only

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMedium:
    """One object as it comes back from the gateway's download URL."""

    kind: str
    size_bytes: int
    sha256: str


async def stored_media(base_url: str, key: str) -> dict[str, list[StoredMedium]]:
    """Download everything the gateway stores and hash it; by the agent's entry id."""
    found: dict[str, list[StoredMedium]] = {}
    headers = {"Authorization": f"Bearer {key}"}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        async with session.get(f"{base_url}/recordings?limit=100") as answer:
            listed = (await answer.json())["data"]
        for recording in listed:
            media = found.setdefault(recording["metadata"]["fieldpost_ref"], [])
            for medium in recording["media"]:
                url = f"{base_url}/recordings/{recording['id']}/download-url"
                async with session.post(url, json={"media_id": medium["id"]}) as answer:
                    download = (await answer.json())["download_url"]
                media.append(await _download(session, download, medium["type"]))
    return found


async def _download(session: aiohttp.ClientSession, url: str, kind: str) -> StoredMedium:
    digest, size = hashlib.sha256(), 0
    async with session.get(url) as answer:
        answer.raise_for_status()
        async for block in answer.content.iter_chunked(262_144):
            digest.update(block)
            size += len(block)
    return StoredMedium(kind=kind, size_bytes=size, sha256=digest.hexdigest())


def compare(
    recorder: Json,
    spool: Path,
    store: Mapping[str, list[StoredMedium]],
    reread: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Lay recorder, spool and store side by side; None where one of them lacks a medium.

    Bytes re-sent are those the recorder sent twice (re-read) and those the agent sent twice.

    Args:
        recorder: What it said when it was ready.
        spool: The agent's.
        store: What came back from the cloud, by entry id.
        reread: By recording.
    """
    with read_only(spool) as reader:
        entries = {entry.recording.key.recording: entry for entry in reader.entries()}
    return [
        {
            "recorder": recorder["serial"],
            **_recording(said, entries.get(said["id"]), store, reread.get(said["id"], 0)),
        }
        for said in recorder["recordings"]
    ]


def _recording(
    said: Json, entry: Entry | None, store: Mapping[str, list[StoredMedium]], reread: int
) -> dict[str, Any]:
    left = list(store.get(entry.id, ())) if entry is not None else []
    media = []
    for index, medium in enumerate(said["media"]):
        spooled = entry.media[index].sha256 if entry is not None else None
        found = _take(left, medium["bytes"], medium["sha256"])
        media.append(
            {
                "name": medium["name"],
                "bytes": medium["bytes"],
                "sha256_recorder": medium["sha256"],
                "sha256_spool": spooled,
                "sha256_store": found.sha256 if found is not None else None,
            }
        )
    seconds = 0.0
    if entry is not None and entry.released_at is not None:
        seconds = (entry.released_at - entry.begun_at).total_seconds()
    return {
        # As bars and `spool ls` name it.
        "id": entry.id if entry is not None else said["id"],
        "state": str(entry.state) if entry is not None else "missing",
        "media": media,
        "bytes_reread": reread,
        "bytes_resent": reread + (entry.resent_bytes if entry is not None else 0),
        "seconds": round(seconds, 2),
    }


def _take(left: list[StoredMedium], size_bytes: int, sha256: str) -> StoredMedium | None:
    """Take the stored medium that is this one, by digest; else one of its size, to show it."""
    for wanted in (
        [m for m in left if m.sha256 == sha256],
        [m for m in left if m.size_bytes == size_bytes],
    ):
        if wanted:
            left.remove(wanted[0])
            return wanted[0]
    return None
