"""The sweeper on the embedded store: what it gives up, and what it must leave alone."""

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest

from gateway.app import opened
from gateway.cli import main
from gateway.config import GatewayConfig
from gateway.errors import Unavailable
from gateway.objects.filesystem import FilesystemObjects
from gateway.store.events import SqlEvents
from gateway.store.idle import SqlIdle
from gateway.store.recordings import SqlRecordings
from gateway.sweeping import Litter, Swept
from tests.gateway.serving import SECRET, Api, digest, serving

AUDIO = bytes(range(256)) * 1024
TOTAL = len(AUDIO)
DAY_S = 24 * 3600
AGE_S = 30 * DAY_S
COUNTED = 'fieldpost_gateway_swept_total{what="medium"} 1.0'


async def sweep(folder, clock, **more):
    """Sweep as a process of its own."""
    config = GatewayConfig(data=folder, secret=SECRET)
    async with opened(config, clock) as found:
        return await found.sweeper.sweep(**more)


async def half(api: Api, key="m-0"):
    """Send half of a medium; gives its target."""
    target = await api.target(await api.recording(), AUDIO, key=key)
    await api.put(target["upload_url"], AUDIO[: TOTAL // 2], 0, TOTAL)
    return target


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


def parts(folder):
    return sorted(path.name for path in (folder / "parts").iterdir())


@pytest.mark.asyncio
async def test_an_abandoned_medium_expires(folder, clock):
    """After the age limit a medium nobody asked about gives back its bytes."""
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        target = await half(api)
    clock.advance(AGE_S + 1)
    swept = await sweep(folder, clock)

    assert [Swept(Litter.MEDIUM, target["media_id"])] == swept
    assert parts(folder) == []
    assert await sweep(folder, clock) == []


@pytest.mark.asyncio
async def test_a_medium_that_is_asked_about_stays(folder, clock):
    """Every new URL of a medium counts its age from the beginning."""
    async with serving(folder, clock) as api:
        api.token = await api.api_key()
        recording = await api.recording()
        first = await api.target(recording, AUDIO, key="m-0")
        await api.put(first["upload_url"], AUDIO[:1000], 0, TOTAL)
        clock.advance(AGE_S - DAY_S)
        await api.target(recording, AUDIO, key="m-0")
    clock.advance(2 * DAY_S)

    assert await sweep(folder, clock) == []
    assert first["media_id"] in parts(folder)


@pytest.mark.asyncio
async def test_an_expired_medium_comes_back(folder, clock):
    """An agent that was away for months gets the same medium again, from byte 0, and completes."""
    async with serving(folder, clock) as api:
        api.token = token = await api.api_key()
        recording = await api.recording()
        first = await api.target(recording, AUDIO, key="m-0")
        await api.put(first["upload_url"], AUDIO[:1000], 0, TOTAL)
    clock.advance(AGE_S + 1)
    await sweep(folder, clock)
    async with serving(folder, clock) as api:
        api.token = token
        again = await api.target(recording, AUDIO, key="m-0")
        held = (await api.ask(again["upload_url"], TOTAL)).held
        await api.put(again["upload_url"], AUDIO, 0, TOTAL)
        done = await api.complete(recording, AUDIO)

    assert first["media_id"] == again["media_id"]
    assert held == 0
    assert (200, digest(AUDIO)) == (done.status, done.json["content_sha256"])


@pytest.mark.asyncio
async def test_expired_media_do_not_count_against_a_device(folder, clock):
    """Whoever's unfinished media have expired may begin others."""
    async with serving(folder, clock, max_sessions=1) as api:
        api.token = token = await api.api_key()
        await half(api)
        before = await wanted(api)
    clock.advance(AGE_S + 1)
    await sweep(folder, clock)
    async with serving(folder, clock, max_sessions=1) as api:
        api.token = token
        after = await wanted(api)

    assert before.code == "too_many_sessions"
    assert after.status == 200


async def wanted(api):
    body = {"type": "audio", "file_size_bytes": TOTAL}
    return await api.call("POST", f"/v1/recordings/{await api.recording()}/upload-url", body)


@pytest.mark.asyncio
async def test_a_dry_run_changes_nothing(folder, clock):
    """It says the same as a sweep and leaves everything as it was."""
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        await half(api)
    clock.advance(AGE_S + 1)
    before = parts(folder)
    said = await sweep(folder, clock, dry_run=True)

    assert before == parts(folder)
    assert said == await sweep(folder, clock)


@pytest.mark.asyncio
async def test_a_medium_revived_while_it_is_swept_keeps_its_bytes(folder, clock, monkeypatch):
    """Whoever asks between the decision and the removal finds what was received."""
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        target = await half(api)
    clock.advance(AGE_S + 1)
    real = SqlIdle.expire

    async def expire(idle, medium_id, **more):
        done = await real(idle, medium_id, **more)
        await SqlRecordings(idle._database, SqlEvents(idle._database)).touch_medium(
            medium_id, clock.now()
        )
        return done

    monkeypatch.setattr(SqlIdle, "expire", expire)
    await sweep(folder, clock)

    assert target["media_id"] in parts(folder)


@pytest.mark.asyncio
async def test_a_crash_while_sweeping_is_tidied_up(folder, clock, monkeypatch):
    """Bytes of a medium that expired just before a crash go at the next start."""
    async with serving(folder, clock) as api:
        _, api.token = await api.device()
        await half(api)
    clock.advance(AGE_S + 1)

    def crash(*_):
        raise Unavailable("crash")

    with monkeypatch.context() as patch:
        patch.setattr(FilesystemObjects, "discard_part", crash)
        with pytest.raises(Unavailable):
            await sweep(folder, clock)
    before = parts(folder)
    async with serving(folder, clock):
        pass

    assert len(before) == 2
    assert parts(folder) == []


@pytest.mark.asyncio
async def test_a_serving_gateway_sweeps_by_itself(folder, clock):
    """Hours pass, and what was abandoned is gone and counted."""
    async with serving(folder, clock, sweep_every_s=3600) as api:
        _, api.token = await api.device()
        await half(api)
        clock.advance(AGE_S + 1)
        metrics = ""
        for _ in range(200):
            clock.advance(3600)
            metrics = (await api.call("GET", "/metrics")).body.decode()
            if COUNTED in metrics:
                break

    assert parts(folder) == []
    assert COUNTED in metrics


def test_the_command_sweeps(tmp_path):
    """`sweep` says what it did; a folder that is served is left to its gateway."""
    out = StringIO()
    with redirect_stdout(out):
        status = main(["sweep", "--dry-run", "--json", "--data", str(tmp_path)])

    assert status == 0
    assert {"schema": 1, "dry_run": True, "swept": []} == json.loads(out.getvalue())
