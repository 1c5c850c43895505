"""The real agent against a gateway with tight bounds: it waits, says why, and nothing is lost."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
import pytest_asyncio

from device.cloud.bota import Bota
from device.config import CloudConfig
from device.errors import CloudThrottled
from device.model import State
from device.transport import Transport
from gateway.config_bounds import BoundsConfig
from gateway.model_bounds import Quota
from tests.device.test_dispatch import PATIENT, Rig
from tests.fakes.uploads import manifest_of, noise, spool_in
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio

RECORDINGS = 4


class Box(Rig):
    """An agent's dispatcher on a spool, at a gateway in this process."""

    def __init__(self, api, device, *parts) -> None:
        super().__init__(parts[0], SimpleNamespace(base_url=f"{api.url}/v1"), *parts[1:])
        self.api, self.device = api, device
        self.token = api.token
        self.begun = self.clock.now()

    async def states(self):
        return [entry.state for entry in await asyncio.to_thread(self.spool.entries)]

    async def arrived(self):
        listed = (await self.api.call("GET", "/v1/recordings")).json["data"]
        return [each for each in listed if each["status"] == "uploaded"]

    async def first_that_waits(self):
        """Run until a recording is told to wait, without any time passing."""
        running = asyncio.create_task(self.dispatcher(once=False, workers=1).run())
        try:
            async with asyncio.timeout(10):
                while True:
                    await asyncio.wait({running}, timeout=0.01)
                    for entry in await asyncio.to_thread(self.spool.entries):
                        if entry.wait is not None:
                            return entry
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def refused(self, *routes):
        """Count the answers 429 of routes, by their last word."""
        samples = self.api.gateway.metrics.requests.collect()[0].samples
        return {
            route: sum(
                sample.value
                for sample in samples
                if sample.name.endswith("_total")
                and sample.labels["status"] == "429"
                and sample.labels["route"].rpartition("/")[2] == route
            )
            for route in routes
        }


@pytest.fixture
def spool(tmp_path, clock):
    with spool_in(tmp_path / "spool", clock) as opened:
        yield opened


@pytest_asyncio.fixture
async def box(tmp_path, spool, clock, request):
    """A box at a gateway with the bounds of the test."""
    bounds = getattr(request, "param", BoundsConfig())
    async with (
        Transport(patience=PATIENT) as transport,
        serving(tmp_path / "data", clock, bounds=bounds) as api,
    ):
        device, api.token = await api.device()
        yield Box(api, device, spool, transport, clock, tmp_path)


@pytest.mark.parametrize(
    "box", [BoundsConfig(device_per_min=1, device_urls_per_min=1)], indirect=True
)
async def test_a_tight_limit_loses_no_recording(box):
    """Whichever call meets it, the agent comes back when it may: all media arrive."""
    for number in range(RECORDINGS):
        await box.seal(number, noise(30_000, number), noise(2_000, number + 50))
    took_s = await box.settle(box.dispatcher(once=False, workers=2), advance_s=20)
    refused = box.refused("recordings", "upload-urls", "upload-complete")
    box.clock.advance(60)

    assert [State.STORED] * RECORDINGS == await box.states()
    box.api.token = await box.api.api_key()
    arrived = await box.arrived()
    assert [2] * RECORDINGS == [len(each["media"]) for each in arrived]
    # Two calls of each recording, one a minute.
    assert took_s >= 60 * (2 * RECORDINGS - 1)
    assert refused["recordings"] + refused["upload-complete"] > 0


@pytest.mark.parametrize(
    "box", [BoundsConfig(device_per_min=1, device_urls_per_min=1)], indirect=True
)
async def test_every_call_takes_a_limit_for_what_it_is(box):
    """Open, targets, complete and heartbeat: too fast for now, with the seconds to wait."""
    manifest = manifest_of(noise(3_000))
    cloud = Bota(
        CloudConfig(base_url=box.bota.base_url), box.transport, box.clock, lambda: box.token
    )
    ref = await cloud.open(manifest, {})
    medium = manifest.media[0]
    await cloud.target(manifest, medium, ref)
    waits = []
    for call in (
        cloud.open(manifest, {}),
        cloud.target(manifest, medium, ref),
        cloud.targets(manifest, [medium], ref),
        cloud.complete(manifest, ref),
        cloud.heartbeat({}),
    ):
        with pytest.raises(CloudThrottled) as throttled:
            await call
        waits.append(throttled.value.retry_after_s)

    assert [60.0] * 5 == waits


async def test_a_used_up_day_is_waited_out(box):
    """With the reason where status shows it; the day after, it goes on by itself."""
    await box.api.gateway.store.quotas.write(
        box.device, Quota(recordings_per_day=1), box.clock.now()
    )
    for number in range(2):
        await box.seal(number, noise(3_000, number))
    waiting = await box.first_that_waits()
    until = waiting.wait.until
    await box.settle(box.dispatcher(once=False, workers=1), advance_s=3600)

    assert "1 recordings were made on this day" in waiting.wait.reason
    assert timedelta(hours=1) <= until - box.begun <= timedelta(hours=1, seconds=60)
    assert [State.STORED] * 2 == await box.states()


async def test_a_full_storage_is_waited_out(box):
    """Nothing is put aside, and once there is room again all goes on."""
    quotas = box.api.gateway.store.quotas
    await quotas.write(box.device, Quota(storage_bytes=1000), box.clock.now())
    await box.seal(1, noise(3_000))
    waiting = await box.first_that_waits()
    await quotas.write(box.device, Quota(), box.clock.now())
    await box.settle(box.dispatcher(once=False), advance_s=3600)

    assert State.SEALED is waiting.state
    assert "storage_quota_exceeded" in waiting.wait.reason
    assert "delete recordings or raise the quota" in waiting.wait.reason
    assert [State.STORED] == await box.states()
