"""What every Driver must do, run over every implementation.

A test module subclasses `DriverConformance` and gives an async fixture `held` that yields a `Held`:
an open driver of a recorder that holds at least two complete recordings, one of them with at least
two media and one medium above 100 kB, nothing else, and permits deletion.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import pytest

from device.drivers import Driver, Records
from device.errors import MediumGone, RecorderError
from device.model import Medium, Recording, RecordingKey, RecordOrder

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An open driver, and what its recorder truly holds: the bytes of each medium by index."""

    driver: Driver
    contents: Mapping[RecordingKey, tuple[bytes, ...]]


async def pull(driver: Driver, recording: Recording, medium: Medium, offset: int = 0) -> bytes:
    """Read a medium to its end, as the pull loop does."""
    async with asyncio.timeout(DEADLINE_S):
        return b"".join([chunk async for chunk in driver.read(recording, medium, offset)])


def told(driver: Driver) -> Records:
    """Return a driver of a recorder that can be told to record, or skip the test."""
    if not isinstance(driver, Records):
        pytest.skip("no recorder of this kind can be told")
    if not driver.records:
        pytest.skip("this recorder cannot be told")
    return driver


START = RecordOrder(id=b"start of a take!", start=True, max_duration_s=600)
STOP = RecordOrder(id=b"end of that take", start=False)


def digests(contents: tuple[bytes, ...]) -> tuple[str, ...]:
    """Return what `Driver.release` wants for these media."""
    return tuple(sha256(content).hexdigest() for content in contents)


class DriverConformance:
    """The suite. Every test takes `held: Held`."""

    @pytest.mark.asyncio
    async def test_the_recorder_keeps_its_name(self, held: Held):
        """Asking who the recorder is twice gives one identity, the one its recordings carry."""
        first = await held.driver.info()
        second = await held.driver.info()

        assert first.recorder == second.recorder
        assert {key.recorder for key in held.contents} == {first.recorder}

    @pytest.mark.asyncio
    async def test_the_listing_is_what_it_holds(self, held: Held):
        """Every complete recording is listed once, with true sizes and digests; no more."""
        listing = await held.driver.recordings()
        listed = {r.key: tuple(m.size_bytes for m in r.media) for r in listing.recordings}

        assert listing.complete
        assert listing.rejected == ()
        assert len(listed) == len(listing.recordings)
        assert listed == {k: tuple(len(c) for c in held.contents[k]) for k in held.contents}
        for recording in listing.recordings:
            true = digests(held.contents[recording.key])
            assert [m.index for m in recording.media] == list(range(len(recording.media)))
            assert all(m.sha256 in (None, true[m.index]) for m in recording.media)

    @pytest.mark.asyncio
    async def test_listing_again_says_the_same(self, held: Held):
        """A listing changes nothing: the next one is equal."""
        assert await held.driver.recordings() == await held.driver.recordings()

    @pytest.mark.asyncio
    async def test_every_medium_reads_to_its_end(self, held: Held):
        """Reading from the start yields exactly the medium's bytes."""
        for recording in (await held.driver.recordings()).recordings:
            for medium in recording.media:
                got = await pull(held.driver, recording, medium)

                assert got == held.contents[recording.key][medium.index]

    @pytest.mark.asyncio
    async def test_a_read_goes_on_from_any_offset(self, held: Held):
        """A resumable driver yields the rest from an offset, and nothing from the end."""
        if not held.driver.resumable:
            pytest.skip("this driver always starts at 0")
        for recording in (await held.driver.recordings()).recordings:
            for medium in recording.media:
                true = held.contents[recording.key][medium.index]
                for offset in {1, len(true) // 2, len(true) - 1, len(true)}:
                    got = await pull(held.driver, recording, medium, offset)

                    assert got == true[offset:]

    @pytest.mark.asyncio
    async def test_an_abandoned_read_leaves_the_driver_usable(self, held: Held):
        """Who stops reading half-way can read something else at once."""
        for recording in (await held.driver.recordings()).recordings:
            for medium in recording.media:
                async for _ in held.driver.read(recording, medium, 0):
                    break
                got = await pull(held.driver, recording, medium)

                assert got == held.contents[recording.key][medium.index]

    @pytest.mark.asyncio
    async def test_block_hashes_are_of_the_true_bytes(self, held: Held):
        """Block hashes, where a driver has them, agree with the content within the prefix."""
        for recording in (await held.driver.recordings()).recordings:
            for medium in recording.media:
                true = held.contents[recording.key][medium.index]
                found = await held.driver.block_hashes(recording, medium, len(true))
                if found is None:
                    continue
                step = found.block_bytes

                assert len(found.hashes) * step <= len(true)
                for number, truncated in enumerate(found.hashes):
                    whole = sha256(true[number * step : (number + 1) * step]).digest()
                    assert whole[: len(truncated)] == truncated

    @pytest.mark.asyncio
    async def test_release_needs_the_true_digests(self, held: Held):
        """A release with another digest is refused, and the recording stays."""
        key, contents = next(iter(held.contents.items()))
        wrong = ("0" * 64, *digests(contents)[1:])

        with pytest.raises(RecorderError):
            await held.driver.release(key, wrong)
        assert key in {r.key for r in (await held.driver.recordings()).recordings}

    @pytest.mark.asyncio
    async def test_a_released_recording_is_gone_and_the_others_stay(self, held: Held):
        """A release removes one recording; asking again is success."""
        key, *others = held.contents
        await held.driver.release(key, digests(held.contents[key]))
        await held.driver.release(key, digests(held.contents[key]))

        assert {r.key for r in (await held.driver.recordings()).recordings} == set(others)

    @pytest.mark.asyncio
    async def test_reading_what_is_gone_says_so(self, held: Held):
        """A medium that was listed and then removed is MediumGone."""
        recording = (await held.driver.recordings()).recordings[0]
        await held.driver.release(recording.key, digests(held.contents[recording.key]))

        with pytest.raises(MediumGone):
            await pull(held.driver, recording, recording.media[0])

    @pytest.mark.asyncio
    async def test_one_order_starts_one_recording(self, held: Held):
        """Given again it answers with the same recording, which is not listed while it goes on."""
        driver = told(held.driver)
        first, again = await driver.record(START), await driver.record(START)

        assert first.going_on
        assert again.going_on
        assert first.key == again.key
        listed = {r.key for r in (await held.driver.recordings()).recordings}
        assert listed == set(held.contents)

    @pytest.mark.asyncio
    async def test_what_is_stopped_is_listed(self, held: Held):
        """A stop names the recording that was started; it can be read then, and is one alone."""
        driver = told(held.driver)
        started = await driver.record(START)
        stopped, again = await driver.record(STOP), await driver.record(STOP)
        late = await driver.record(START)

        assert started.key == stopped.key == again.key == late.key
        assert [False] * 3 == [each.going_on for each in (stopped, again, late)]
        found = {r.key: r for r in (await held.driver.recordings()).recordings}
        assert set(found) == {*held.contents, started.key}
        medium = found[started.key].media[0]
        got = await pull(held.driver, found[started.key], medium)
        assert medium.size_bytes == len(got)

    @pytest.mark.asyncio
    async def test_nothing_to_start_or_to_stop_is_refused(self, held: Held):
        """A second start, and a stop of nothing, are the recorder's no."""
        driver = told(held.driver)
        with pytest.raises(RecorderError):
            await driver.record(STOP)
        await driver.record(START)
        with pytest.raises(RecorderError):
            await driver.record(RecordOrder(id=b"another start...", start=True))

    @pytest.mark.asyncio
    async def test_who_cannot_be_told_refuses(self, held: Held):
        """A driver that takes orders to record refuses them for a recorder that does not."""
        if not isinstance(held.driver, Records) or held.driver.records:
            pytest.skip("this one can be told, or no recorder of its kind")
        with pytest.raises(RecorderError):
            await held.driver.record(START)

    @pytest.mark.asyncio
    async def test_closing_twice_is_fine(self, held: Held):
        """A driver can be closed more than once."""
        await held.driver.aclose()
        await held.driver.aclose()
