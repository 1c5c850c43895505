"""Media that clients put into a bucket themselves: who verifies, who rejects, who is in between."""

import asyncio

import pytest
import pytest_asyncio

from gateway.errors import DigestConflict, MediaPending, NotFound, Unavailable
from gateway.model import MediaStatus, MediaType, Medium, RecordingStatus
from gateway.objects import UploadTarget
from gateway.store import Asked
from tests.fakes.bucket import Bucket
from tests.gateway.on_bucket import Client, gateway_on
from tests.gateway.serving import SECRET

pytestmark = pytest.mark.asyncio

AUDIO = b"opus" * 100


@pytest.fixture
def bucket(clock):
    return Bucket(clock.now, secret=SECRET)


@pytest_asyncio.fixture
async def client(bucket, tmp_path, clock):
    async with gateway_on(bucket, tmp_path / "data", clock) as found:
        yield Client(found, bucket)


def halting_at(bucket, what):
    """Let the gateway wait before an operation: gives when it is there, and what lets it go on."""
    there, go = asyncio.Event(), asyncio.Event()

    async def before(asked):
        if asked == what and not there.is_set():
            there.set()
            await go.wait()

    bucket.before = before
    return there, go


async def settle():
    """Let everything run until it waits for what comes only later."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_no_object_of_a_completed_recording_is_rejected(client, bucket):
    """Two claims at once: the right one completes nothing that the wrong one is about to remove."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO, declare=False)
    bucket.put(ref, AUDIO)
    there, go = halting_at(bucket, "copy")
    wrong = asyncio.create_task(client.complete(recording, b"a wrong claim"))
    await there.wait()
    right = asyncio.create_task(client.complete(recording, AUDIO))
    await asyncio.wait([right], timeout=0.2)
    go.set()

    with pytest.raises(DigestConflict):
        await wrong
    with pytest.raises(MediaPending):
        await right


async def test_a_recording_deleted_while_it_is_verified(client, bucket):
    """Whoever waits for the verification gets an answer, and asking again tells why."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO)
    there, _ = halting_at(bucket, "verify")
    completing = asyncio.create_task(client.complete(recording, AUDIO))
    await there.wait()
    await client.desk.delete(client.caller, recording.id)

    with pytest.raises(Unavailable):
        await completing
    with pytest.raises(NotFound):
        await client.complete(recording, AUDIO)
    assert bucket.content(ref) is None


async def test_a_deletion_does_not_end_the_sweeper(client, bucket, clock):
    """The sweeper that verified a medium of a deleted recording comes again."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO)
    clock.advance(31 * 24 * 3600)
    there, _ = halting_at(bucket, "verify")
    sweeper = asyncio.create_task(client.found.sweeper.run(3600))
    await settle()
    clock.advance(2 * 3600)
    await there.wait()
    await client.desk.delete(client.caller, recording.id)
    await settle()

    assert not sweeper.done()
    assert clock.sleeping == 1
    sweeper.cancel()
    await asyncio.wait([sweeper])


async def test_a_digest_that_the_store_counted_spares_reading(client, bucket):
    """A store that tells digests is believed, and one that tells another is refused."""
    bucket.counts = True
    recording = await client.recording()
    medium, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO[::-1])
    with pytest.raises(MediaPending):
        await client.complete(recording, AUDIO)
    bucket.put(ref, AUDIO)
    done = await client.complete(recording, AUDIO)

    assert done.status is RecordingStatus.UPLOADED
    assert bucket.reads == 0
    assert bucket.state.rejected == {medium.id: AUDIO[::-1]}


async def test_an_object_of_another_size_is_not_read(client, bucket):
    """What is shorter than announced is put aside unread."""
    recording = await client.recording()
    medium, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO[:-1])
    with pytest.raises(MediaPending):
        await client.complete(recording, AUDIO)
    now = await client.store.recordings.medium(medium.id)

    assert (bucket.reads, bucket.content(ref)) == (0, None)
    assert now.status is MediaStatus.PENDING


async def test_few_objects_are_read_at_once(client, bucket):
    """However many recordings are completed, a bounded number is read back at a time."""
    at_once = client.found.gateway.config.verify_at_once
    reading, most = 0, 0
    full = asyncio.Event()

    async def before(what):
        nonlocal reading, most
        reading += what == "verify"
        most = max(most, reading)
        if most >= at_once:
            full.set()
        if what == "verify":
            await full.wait()
            for _ in range(20):  # one too many would come now
                await asyncio.sleep(0)

    async def after(what):
        nonlocal reading
        reading -= what == "verify"

    recordings = []
    for each in range(3 * at_once):
        recordings.append(await client.recording(key=f"r{each}"))
        _, ref = await client.medium(recordings[-1], AUDIO, key=f"m{each}")
        bucket.put(ref, AUDIO)
    bucket.before, bucket.after = before, after
    done = await asyncio.gather(*(client.complete(each, AUDIO) for each in recordings))

    assert {RecordingStatus.UPLOADED} == {each.status for each in done}
    assert most == at_once


async def test_an_object_that_changes_while_it_is_read(client, bucket):
    """What was read has another size than what was looked at: it is not taken."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO, declare=False)
    bucket.put(ref, AUDIO)

    async def replaced(what):
        if what == "verify":
            bucket.put(ref, AUDIO + b"more")

    bucket.before = replaced
    with pytest.raises(MediaPending):
        await client.complete(recording, None)

    assert bucket.content(ref) is None


async def test_an_object_replaced_after_it_was_verified(client, bucket):
    """Until the recording is complete, every question looks whether it is the same object."""
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO)
    _, missing = await client.medium(recording, AUDIO, key="n")
    bucket.put(ref, AUDIO)
    with pytest.raises(MediaPending):
        await client.complete(recording, AUDIO)
    bucket.put(ref, AUDIO[::-1])
    bucket.put(missing, AUDIO)
    with pytest.raises(MediaPending) as caught:
        await client.complete(recording, AUDIO)

    assert caught.value.details == {"media_ids": [ref.medium_id]}


async def test_an_empty_medium(client, bucket):
    """No byte is a medium too, once it was put; before, it is missing."""
    recording = await client.recording()
    _, ref = await client.medium(recording, b"")
    with pytest.raises(MediaPending):
        await client.complete(recording, b"")
    bucket.put(ref, b"")
    done = await client.complete(recording, b"")

    assert done.status is RecordingStatus.UPLOADED


async def test_a_store_that_is_away_is_no_answer(client, bucket):
    """An object that cannot be asked about stays what it was."""
    recording = await client.recording()
    medium, ref = await client.medium(recording, AUDIO)
    await client.medium(recording, AUDIO, key="n")
    bucket.put(ref, AUDIO)
    with pytest.raises(MediaPending):
        await client.complete(recording, AUDIO)

    async def away(_what):
        raise Unavailable("the object store cannot be reached")

    bucket.before = away
    with pytest.raises(Unavailable):
        await client.complete(recording, AUDIO)
    now = await client.store.recordings.medium(medium.id)

    assert now.status is MediaStatus.UPLOADED


async def test_nobody_rejects_while_another_verifies(client, bucket):
    """Putting aside waits for whoever looks at the object: what that one finds may count."""
    recording = await client.recording()
    given, ref = await client.medium(recording, AUDIO, declare=False)
    bucket.put(ref, AUDIO)
    intake, asked = client.found.gateway.intake, []
    medium = await intake.recover(given)
    there, go = halting_at(bucket, "look")

    async def after(what):
        asked.append(what)

    bucket.after = after
    looking = asyncio.create_task(intake.recover(medium))
    await there.wait()
    reopening = asyncio.create_task(intake.reopen(medium))
    await asyncio.wait([reopening], timeout=0.2)
    before = list(asked)
    go.set()
    await asyncio.gather(looking, reopening)

    assert before == []
    assert asked == ["look", "copy", "remove"]


async def test_small_media_have_no_upload_to_look_for(client, bucket, monkeypatch):
    """Handing out their URLs and checking them asks the database for no upload of theirs."""
    asked = []
    monkeypatch.setattr(client.store.uploads, "handle", asked.append)
    recording = await client.recording()
    _, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO)
    await client.complete(recording, AUDIO)

    assert [] == asked


class Sessions(Bucket):
    """A bucket whose targets are sessions that are begun at once, as Google's are."""

    def begins(self, offer):
        return True

    async def target(self, ref, offer, signed, *, handle=None):
        del signed
        if handle not in self.state.uploads:
            handle = await self.begin(ref, offer)
        return UploadTarget(url=f"http://bucket/{handle}", protocol="chunked_put", handle=handle)


@pytest_asyncio.fixture
async def at_sessions(tmp_path, clock):
    bucket = Sessions(clock.now, secret=SECRET)
    async with gateway_on(bucket, tmp_path / "data", clock) as found:
        yield Client(found, bucket)


async def test_a_session_is_gone_on_with(at_sessions):
    """The same medium gives the same session; one that ended is replaced, once."""
    recording = await at_sessions.recording()
    sessions = []
    for ended in (False, False, True, False):
        if ended:
            at_sessions.bucket.state.uploads.clear()
        medium, _ = await at_sessions.medium(recording, AUDIO)
        sessions.append(await at_sessions.store.uploads.handle(medium.id))
    first, again, other, still = sessions

    assert (first, other) == (again, still)
    assert first != other
    assert [other] == list(at_sessions.bucket.state.uploads)


async def test_targets_asked_for_at_once_are_one_session(at_sessions):
    """Two equal requests are handed one session; what was begun in vain is ended."""
    recording = await at_sessions.recording()
    all_began = asyncio.Barrier(3)

    async def together(what):
        if what == "begin":
            await all_began.wait()

    at_sessions.bucket.after = together
    await asyncio.gather(*(at_sessions.medium(recording, AUDIO) for _ in range(3)))

    assert list(at_sessions.bucket.state.uploads) == list(
        (await at_sessions.store.uploads.all()).values()
    )


async def asked_in_vain(client, bucket, monkeypatch, *keys):
    """Ask for upload URLs while the bucket is away for all but the first."""
    recording = await client.recording()
    real, calls = bucket.target, []

    async def away(ref, offer, signed, *, handle=None):
        calls.append(ref)
        if len(calls) > 1:
            raise Unavailable("the bucket is away")
        return await real(ref, offer, signed, handle=handle)

    wanted = Medium(
        id="",
        recording_id=recording.id,
        type=MediaType.IMAGE,
        content_type="image/jpeg",
        created_at=client.found.gateway.clock.now(),
    )
    asked = [Asked(wanted, key and client.intent("upload-url", key)) for key in keys]
    with monkeypatch.context() as patched:
        patched.setattr(bucket, "target", away)
        with pytest.raises(Unavailable):
            await client.desk.upload_urls(client.caller, recording.id, asked, base_url="http://x")
    return recording, asked


async def test_a_medium_nobody_heard_of_does_not_hold_up_its_recording(client, bucket, monkeypatch):
    """Without a key it cannot be asked for again: where the store is away it is withdrawn."""
    recording, _ = await asked_in_vain(client, bucket, monkeypatch, None, None)
    _, ref = await client.medium(recording, AUDIO)
    bucket.put(ref, AUDIO)
    done = await client.complete(recording, AUDIO)

    assert [ref.medium_id] == [medium.id for medium in done.media]


async def test_a_medium_with_a_key_waits_for_the_next_question(client, bucket, monkeypatch):
    """With a key the same question finds the same medium once the store is back."""
    recording, asked = await asked_in_vain(client, bucket, monkeypatch, "a", "b")
    found = await client.desk.find(client.caller, recording.id)
    again = await client.desk.upload_urls(client.caller, recording.id, asked, base_url="http://x")

    assert [m.id for m in found.media] == [each.made.value.id for each in again]
    assert all(each.made.replayed for each in again)
