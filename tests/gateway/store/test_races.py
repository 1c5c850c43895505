"""Two processes at one PostgreSQL database: of what both want at once, one gets it."""

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio

from gateway.errors import (
    AlreadyUploaded,
    CodeRefused,
    DeviceAlreadyBound,
    IdempotencyMismatch,
    NotFound,
    TooManyCommands,
    TooManySessions,
    Unauthorized,
    Verifying,
)
from gateway.model import (
    Command,
    CommandType,
    Device,
    DeviceToken,
    EnrolCode,
    Intent,
    MediaType,
    Medium,
    Recording,
    RecordingStatus,
)
from gateway.store import Asked
from gateway.store.shared import refusing
from gateway.store.sql import open_store
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.asyncio

NOW = FakeClock().now()
LATER = NOW + timedelta(minutes=1)
SHA = "a" * 64
TIMES = 4


@pytest_asyncio.fixture
async def two(postgres, tmp_path):
    """Two stores, each with connections of its own, and a device."""
    async with open_store(tmp_path, postgres) as one, open_store(tmp_path, postgres) as other:
        await one.devices.create(device())
        yield one, other


def device(device_id="dev_1", serial="AM-07"):
    return Device(id=device_id, serial_number=serial, created_at=NOW, updated_at=NOW)


def intent(key="k", fingerprint="f", operation="op"):
    return Intent(owner="dev_1", operation=operation, key=key, fingerprint=fingerprint, at=NOW)


def recording(recording_id="rec_1"):
    return Recording(id=recording_id, device_id="dev_1", created_at=NOW)


def medium(medium_id, **more):
    return Medium(
        id=medium_id,
        recording_id=more.pop("recording_id", "rec_1"),
        type=MediaType.IMAGE,
        content_type="image/jpeg",
        created_at=NOW,
        **more,
    )


def token(name, **more):
    return DeviceToken(
        id=name, device_id=more.pop("device_id", "dev_1"), token_hash=name, created_at=NOW, **more
    )


async def both(two, call, times=TIMES):
    """Call both again and again at once; answers results and errors in order."""
    calls = [call(two[number % 2], number) for number in range(2 * times)]
    return await asyncio.gather(*calls, return_exceptions=True)


def kinds(results):
    return {type(each) for each in results if isinstance(each, Exception)}


async def with_media(store, *media_ids):
    await store.recordings.create(recording(), None)
    asked = [Asked(medium(each), None) for each in media_ids]
    await store.recordings.add_media("rec_1", asked, of_device=None, limit=99)
    return [each.medium for each in asked]


async def finish(store, which):
    return await store.recordings.finish_medium(which, size_bytes=1, sha256=SHA)


async def test_one_key_makes_one_recording(two):
    """All who ask with it are told of the same one."""
    results = await both(
        two, lambda store, n: store.recordings.create(recording(f"rec_{n}"), intent())
    )

    assert set() == kinds(results)
    assert 1 == len({each.value.id for each in results})
    assert [False] == [each.replayed for each in results if not each.replayed]


async def test_one_key_of_two_requests_makes_one_of_them(two):
    """The other is told that the key was used for something else."""
    results = await both(
        two,
        lambda store, n: store.recordings.create(
            recording(f"rec_{n}"), intent(fingerprint=str(n % 2))
        ),
    )

    assert {IdempotencyMismatch} == kinds(results)
    assert TIMES == sum(isinstance(each, Exception) for each in results)


async def test_one_key_makes_one_medium(two):
    """And it is counted once."""
    await two[0].recordings.create(recording(), None)
    results = await both(
        two,
        lambda store, n: store.recordings.add_media(
            "rec_1", [Asked(medium(f"med_{n}"), intent())], of_device=None, limit=99
        ),
    )

    assert 1 == len({each[0].value.id for each in results})
    assert 1 == len((await two[0].recordings.recording("rec_1")).media)


async def test_no_medium_comes_to_a_complete_recording(two):
    """Either it came first and is waited for, or it is refused."""
    for number in range(TIMES):
        name = f"rec_{number}"
        await two[0].recordings.create(recording(name), None)
        first = medium(f"med_{number}", recording_id=name)
        await two[0].recordings.add_media(name, [Asked(first, None)], of_device=None, limit=99)
        done = await finish(two[0], first)
        late = Asked(medium(f"late_{number}", recording_id=name), None)
        completed, added = await asyncio.gather(
            two[0].recordings.complete(name, done, None, NOW),
            two[1].recordings.add_media(name, [late], of_device=None, limit=99),
            return_exceptions=True,
        )
        now = await two[1].recordings.recording(name)

        assert completed is isinstance(added, AlreadyUploaded)
        assert completed is (now.status is RecordingStatus.UPLOADED)
        assert (1 if completed else 2) == len(now.media)


async def test_the_limit_of_media_holds_for_all(two):
    """Processes that count at once do not each fill it."""
    await two[0].recordings.create(recording(), None)
    results = await both(
        two,
        lambda store, n: store.recordings.add_media(
            "rec_1", [Asked(medium(f"med_{n}"), None)], of_device=None, limit=3
        ),
    )

    assert {TooManySessions} == kinds(results)
    assert 3 == len((await two[0].recordings.recording("rec_1")).media)


async def test_a_recording_is_completed_once(two):
    """One of them did it, for whoever counts events."""
    (one,) = await with_media(two[0], "med_1")
    done = await finish(two[0], one)
    results = await both(
        two, lambda store, n: store.recordings.complete("rec_1", done, intent(), NOW)
    )

    assert 1 == results.count(True)
    assert 2 * TIMES - 1 == results.count(False)


async def test_a_deleted_medium_is_not_finished(two):
    """Either it was whole and is purged as such, or finishing it is refused."""
    for number in range(TIMES):
        name = f"rec_{number}"
        await two[0].recordings.create(recording(name), None)
        one = medium(f"med_{number}", recording_id=name)
        await two[0].recordings.add_media(name, [Asked(one, None)], of_device=None, limit=99)
        gone, finished = await asyncio.gather(
            two[0].recordings.delete(name, LATER), finish(two[1], one), return_exceptions=True
        )
        whole = gone.media[0].content_sha256 is not None

        assert whole is not isinstance(finished, NotFound)


async def test_a_medium_that_is_put_aside_is_not_finished(two):
    """Its object is about to go: whoever found it whole is asked to look again."""
    (one,) = await with_media(two[0], "med_1")
    await two[0].leases.hold(refusing("med_1"), "prc_1", 60)
    with pytest.raises(Verifying):
        await finish(two[1], one)
    await two[0].leases.drop(refusing("med_1"), "prc_1")

    assert SHA == (await finish(two[1], one)).content_sha256


async def test_a_serial_number_is_one_device(two):
    """Whoever registers it first."""
    results = await both(two, lambda store, n: store.devices.create(device(f"dev_{n}", "AM-08")))

    assert 1 == len({each.value.id for each in results})
    assert 2 == len(await two[0].devices.all())


async def test_a_device_is_bound_once(two):
    """The others are told that it is bound."""
    results = await both(
        two, lambda store, n: store.devices.bind("dev_1", f"user_{n}", token(f"tok_{n}"), None)
    )
    good = [n for n in range(2 * TIMES) if (await two[0].devices.token(f"tok_{n}")) is not None]

    assert {DeviceAlreadyBound} == kinds(results)
    assert 1 == len(good)


async def test_a_token_has_one_successor(two):
    """Refreshes at once keep one, which all of them name."""
    parent = token("tok_1")
    await two[0].devices.issue(parent)
    results = await both(
        two,
        lambda store, n: store.devices.succeed(parent, token("tok_2", parent_id="tok_1")),
    )

    assert set() == kinds(results)
    assert await two[1].devices.token("tok_2") is not None


async def test_no_successor_outlives_a_revocation(two):
    """Either it is refused, or it is revoked with the rest."""
    for number in range(TIMES):
        parent = token(f"tok_{number}")
        await two[0].devices.issue(parent)
        after = token(f"new_{number}", parent_id=parent.id)
        succeeded, _ = await asyncio.gather(
            two[0].devices.succeed(parent, after),
            two[1].devices.revoke("dev_1", LATER),
            return_exceptions=True,
        )
        left = await two[1].devices.token(after.id)

        assert isinstance(succeeded, Unauthorized) if left is None else left.revoked_at is not None


async def test_a_code_is_used_up_once(two):
    """Boxes that were told the same code: one of them is enrolled."""
    code = EnrolCode(id="enc_1", device_id="dev_1", code_hash="c", created_at=NOW, expires_at=LATER)
    await two[0].enrolments.add(code)
    results = await both(
        two, lambda store, n: store.enrolments.redeem("c", token(f"tok_{n}", device_id=""))
    )

    assert {CodeRefused} == kinds(results)
    assert 1 == sum(isinstance(each, DeviceToken) for each in results)


async def test_the_limit_of_commands_holds_for_all(two):
    """Processes that count at once do not each fill it."""
    results = await both(
        two,
        lambda store, n: store.orders.create(
            Command(
                id=f"cmd_{n}",
                device_id="dev_1",
                type=next(iter(CommandType)),
                params={},
                created_at=NOW,
                expires_at=LATER,
            ),
            None,
            limit=3,
        ),
    )

    assert {TooManyCommands} == kinds(results)
    assert 3 == len(await two[0].orders.deliver("dev_1", NOW))


async def test_no_change_of_settings_is_lost(two):
    """Each sees what the one before it made."""
    results = await both(
        two,
        lambda store, n: store.settings.change("dev_1", lambda was: {**was, str(n): n}, NOW),
    )
    (level,) = await two[0].settings.levels(["dev_1"])

    assert set() == kinds(results)
    assert {str(n): n for n in range(2 * TIMES)} == level.document
    assert 2 * TIMES == level.version


async def test_a_heartbeat_told_twice_is_one_fault(two):
    """A box that got no answer asks another process."""
    await both(two, lambda store, n: store.reports.keep("dev_1", {}, {"f1": {"n": 1}}, NOW))

    assert 1 == len(await two[0].reports.faults("dev_1", 99))
    assert 2 * TIMES == len(await two[1].reports.heartbeats("dev_1", 99))


async def test_an_upload_has_one_name(two):
    """Of two that begin one, one's counts for both."""
    await with_media(two[0], "med_1")
    results = await both(two, lambda store, n: store.uploads.keep("med_1", f"upload_{n}"))

    assert 1 == len(set(results))


async def test_a_medium_that_is_asked_about_does_not_expire(two):
    """Either it expired and was revived, or it stayed: it is never given up while in use."""
    await with_media(two[0], "med_1")
    for _ in range(TIMES):
        await asyncio.gather(
            two[0].idle.expire("med_1", since=LATER, at=LATER),
            two[1].recordings.touch_medium("med_1", LATER + timedelta(seconds=1)),
        )
        left = await two[0].recordings.medium("med_1")
        if left.expired_at is not None:
            await two[0].recordings.touch_medium("med_1", LATER + timedelta(seconds=1))

        assert not await two[0].idle.expire("med_1", since=LATER, at=LATER)
