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


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """One recorder at the end: its recordings as `compare` gives them, and what it still holds.

    `most_reread_bytes` is what its cut may cost; `because` puts it in words where it is much.
    """

    name: str
    recordings: Sequence[Json]
    held: Sequence[str]
    most_reread_bytes: int
    because: str = ""

    @property
    def reread_bytes(self) -> int:
        """What it sent twice."""
        return sum(recording["bytes_reread"] for recording in self.recordings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen when everything had ended.

    `most_resent_bytes` is what the cut of the line to the cloud may cost; `missed` names the lines
    that were to be cut and were not.
    """

    emptied: Sequence[Emptied]
    most_resent_bytes: int
    missed: Sequence[str]
    agent_code: int

    @property
    def recordings(self) -> list[Json]:
        """Those of all recorders."""
        return [recording for each in self.emptied for recording in each.recordings]

    @property
    def resent_bytes(self) -> int:
        """What the agent sent to the cloud twice."""
        return sum(each["bytes_resent"] - each["bytes_reread"] for each in self.recordings)


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


def size(recording: Json) -> int:
    """Return the bytes of all its media."""
    return sum(medium["bytes"] for medium in recording["media"])


def faults(outcome: Outcome) -> list[str]:
    """Say everything that is not as promised."""
    found = []
    for recording in outcome.recordings:
        name = f"recording {recording['id'][:8]}"
        if recording["state"] != "released":
            found.append(f"{name} is {recording['state']}, not released")
        for medium in recording["media"]:
            digests = {medium[f"sha256_{where}"] for where in ("recorder", "spool", "store")}
            if len(digests) != 1:
                found.append(f"{name}: the digests of {medium['name']} differ")
    for each in outcome.emptied:
        if each.held:
            found.append(f"{each.name} still holds {len(each.held)} recordings")
        if each.reread_bytes > each.most_reread_bytes:
            found.append(
                f"{each.name} sent {each.reread_bytes:,} bytes twice; "
                f"its cut allows {each.most_reread_bytes:,}"
            )
    if outcome.resent_bytes > outcome.most_resent_bytes:
        found.append(
            f"{outcome.resent_bytes:,} bytes went to the cloud twice; "
            f"its cut allows {outcome.most_resent_bytes:,}"
        )
    found += [
        f"{line} was never cut, so nothing is proven: run it again" for line in outcome.missed
    ]
    if outcome.agent_code != 0:
        found.append(f"the agent exited {outcome.agent_code}")
    return found


def praise(outcome: Outcome, seconds: float) -> str:
    """Say that all is as promised, and what the cuts cost; one line each."""
    empty = "the recorder is" if len(outcome.emptied) == 1 else "both recorders are"
    lines = [f"every digest agrees at all three, and {empty} empty; {seconds:.1f} s"]
    lines += [
        f"sent twice by {each.name}: {each.reread_bytes:,} bytes; its cut allows "
        f"{each.because or f'{each.most_reread_bytes:,}'}"
        for each in outcome.emptied
    ]
    lines.append(
        f"sent twice to the cloud: {outcome.resent_bytes:,} bytes; its cut allows "
        f"{outcome.most_resent_bytes:,}"
    )
    return "\n".join(lines)


def draw(outcome: Outcome, console: Console) -> None:
    """Draw the tables people look at: at most 80 columns wide."""
    for each in outcome.emptied:
        _draw(each, console)


def _draw(emptied: Emptied, console: Console) -> None:
    table = Table(title=f"{emptied.name}: sha256 at recorder = in spool = in store")
    for name in ("recording", "medium", "bytes", "sha256", "state", "re-sent", "s"):
        table.add_column(name, justify="right" if name in {"bytes", "re-sent", "s"} else "left")
    for recording in emptied.recordings:
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
