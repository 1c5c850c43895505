"""Sealed recordings brought up by the agent's own dispatcher, in a process of its own.

    python -m tests.bench.images_agent SPOOL URL --token TOKEN [--workers N]
    python -m tests.bench.images_agent SPOOL URL --bucket PREFIX [--workers N]

To a gateway, or into a bucket by URLs that a small API within this process signs.

Prints one JSON line: seconds from the first recording that goes up to the last receipt on the disk,
CPU seconds, peak memory.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from device.bell import Bell
from device.clock import Clock, SystemClock
from device.cloud import Cloud, CloudRef
from device.cloud.bota import Bota
from device.config import CloudConfig, SpoolConfig, UploadConfig
from device.dispatch import Dispatcher
from device.drivers.named_files import describe
from device.model import (
    Manifest,
    Receipt,
    RecorderId,
    RecordingKey,
    SealedMedium,
    State,
    Target,
)
from device.progress import Silent
from device.spool.spool import Spool
from device.transport import Transport
from gateway.objects.s3_signing import S3Request, S3Signer
from tests.bench.peak_memory import mark_kib, peak_kib
from tests.servers.s3 import ACCESS_KEY, BUCKET, REGION, SECRET_KEY

_RECORDER = RecorderId("bench:images")


class Signing:
    """See `Cloud`: an API that does nothing but sign, and takes the agent's word for the rest.

    It hands out as many URLs at once as our gateway does. Signing is counted as the agent's own:
    rclone signs for itself, too.
    """

    name = "signing"

    def __init__(self, endpoint: str, prefix: str, clock: Clock) -> None:
        self.origin = endpoint
        self._signer = S3Signer(
            endpoint=endpoint,
            region=REGION,
            bucket=BUCKET,
            key_id=ACCESS_KEY,
            secret=SECRET_KEY,
        )
        self._prefix = prefix
        self._clock = clock

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        return {**ref, "recording_id": manifest.key.recording}

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        return (await self.targets(manifest, [medium], ref))[0]

    def targets_at_once(self, ref: CloudRef) -> int:
        return 50

    async def targets(
        self, manifest: Manifest, media: Sequence[SealedMedium], ref: CloudRef
    ) -> list[Target]:
        prefix = f"{self._prefix}/{ref['recording_id']}"
        puts = [S3Request(method="PUT", key=f"{prefix}/{medium.name}") for medium in media]
        urls = await self._signer.sign_all(puts, 3600)
        return [Target(url=url, expires_in_s=3600.0) for url in urls]

    async def stored(self, manifest, medium, target, evidence, ref) -> CloudRef:
        return ref

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        return Receipt(
            cloud=self.name,
            cloud_recording=ref["recording_id"],
            acknowledged_at=self._clock.now(),
            media=len(manifest.media),
        )

    async def aclose(self) -> None:
        pass


async def run(got: argparse.Namespace, spool: Spool) -> dict[str, object]:
    """Bring up all that is sealed."""
    clock = SystemClock()
    settings = UploadConfig(workers=got.workers)
    stored = Bell()
    async with Transport() as transport:
        cloud: Cloud = (
            Bota(CloudConfig(base_url=got.url), transport, clock, lambda: got.token)
            if got.token
            else Signing(got.url, got.bucket, clock)
        )
        dispatcher = Dispatcher(
            spool=spool,
            cloud=cloud,
            transport=transport,
            clock=clock,
            settings=settings,
            progress=Silent(),
            sealed=Bell(),
            stored=stored,
            once=True,
        )
        idle_kib = await asyncio.to_thread(mark_kib)
        begun_s, cpu_s = time.perf_counter(), sum(os.times()[:2])
        async with asyncio.TaskGroup() as group:
            uploads = group.create_task(dispatcher.run())
            seen = stored.count
            while not await dispatcher.settled(None):
                await stored.after(seen)
                seen = stored.count
            uploads.cancel()
        wall_s, cpu_s = time.perf_counter() - begun_s, sum(os.times()[:2]) - cpu_s
    if dispatcher.problems:
        raise SystemExit(str(dispatcher.problems))
    peak = await asyncio.to_thread(peak_kib)
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "rss_mib": peak / 1024,
        "rss_growth_mib": (peak - idle_kib) / 1024,
        "stored": len(spool.ids(State.STORED)),
    }


def seal(spool: Spool, images: Sequence[Path], recordings: int) -> None:
    """Make so many recordings of the images, each with its share of them."""
    for number in range(recordings):
        share = images[number::recordings]
        recording = describe(share, started_at=None, metadata={})
        key = RecordingKey(recorder=_RECORDER, recording=f"r{number}", generation=1)
        spool.ingest(replace(recording, key=key), share)


def opened(folder: Path) -> Spool:
    """Open a spool."""
    return Spool.open(SpoolConfig(path=folder, min_free_bytes=0), SystemClock())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("spool", type=Path)
    parser.add_argument("url")
    parser.add_argument("--token")
    parser.add_argument("--bucket")
    parser.add_argument("--workers", type=int, default=UploadConfig().workers)
    got = parser.parse_args()
    spool = opened(got.spool)
    try:
        print(json.dumps(asyncio.run(run(got, spool))))
    finally:
        spool.close()


if __name__ == "__main__":
    main()
