"""What the demo found: every medium's digest at the recorder, in the spool and in the store."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

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
    recorder: Sequence[Json],
    spool: Path,
    store: Mapping[str, list[StoredMedium]],
    reread: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Lay recorder, spool and store side by side; None where one of them lacks a medium.

    Bytes re-sent are those the recorder sent twice and those the agent sent twice.
    """
    with read_only(spool) as reader:
        entries = {entry.recording.key.recording: entry for entry in reader.entries()}
    return [
        _recording(said, entries.get(said["id"]), store, reread.get(said["id"], 0))
        for said in recorder
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


def faults(recordings: Sequence[Json], held: Sequence[str], resent: int, allowed: int) -> list[str]:
    """Say everything that is not as promised."""
    found = []
    for recording in recordings:
        name = f"recording {recording['id'][:8]}"
        if recording["state"] != "released":
            found.append(f"{name} is {recording['state']}, not released")
        for medium in recording["media"]:
            digests = {medium[f"sha256_{where}"] for where in ("recorder", "spool", "store")}
            if len(digests) != 1:
                found.append(f"{name}: the digests of {medium['name']} differ")
    if held:
        found.append(f"the recorder still holds {len(held)} recordings")
    if resent > allowed:
        found.append(f"{resent} bytes were sent twice; {allowed} would be one chunk per cut")
    return found


def draw(recordings: Sequence[Json], console: Console) -> None:
    """Draw the table people look at: at most 80 columns wide."""
    table = Table(title="sha256 at recorder = in spool = in store")
    for name in ("recording", "medium", "bytes", "sha256", "state", "re-sent", "s"):
        table.add_column(name, justify="right" if name in {"bytes", "re-sent", "s"} else "left")
    for recording in recordings:
        for number, medium in enumerate(recording["media"]):
            digests = {medium[f"sha256_{where}"] for where in ("recorder", "spool", "store")}
            digest = medium["sha256_recorder"][:8]
            first = number == 0
            table.add_row(
                recording["id"][:8] if first else "",
                medium["name"],
                f"{medium['bytes']:,}",
                f"[green]{digest} ok[/]" if len(digests) == 1 else f"[red]{digest} DIFFERS[/]",
                recording["state"] if first else "",
                f"{recording['bytes_resent']:,}" if first else "",
                f"{recording['seconds']:.1f}" if first else "",
            )
    console.print(table)


def document(recordings: Sequence[Json], seconds: float) -> str:
    """Give the same as one JSON document."""
    return json.dumps(
        {"schema": 1, "recordings": list(recordings), "seconds": round(seconds, 2)}, indent=2
    )
