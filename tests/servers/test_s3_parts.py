"""S3 multipart by presigned URLs, on S3 servers that nobody here wrote.

Where they differ, as S3 and MinIO do:
- JuiceFS (MinIO) forgets an upload that it completed (NoSuchUpload), SeaweedFS answers a second
  completion as it did the first;
- SeaweedFS refuses parts of less than 5 MiB (EntityTooSmall), JuiceFS takes them.
"""

import asyncio
import re
import uuid

import pytest

from device.errors import CloudRejected
from tests.fakes.chaos_proxy import Faults
from tests.fakes.uploads import noise
from tests.servers.carrier import KIB, MIB, Stopped, before, nothing
from tests.servers.parts_signer import PartsSigner

PART_BYTES = 5 * MIB
AUDIO = noise(2 * PART_BYTES + 700 * KIB)
HEADS_BYTES = 16 * KIB


@pytest.fixture
def key():
    return f"site/{uuid.uuid4().hex}.opus"


@pytest.mark.asyncio
async def test_a_medium_is_stored(s3, key, carrier):
    """Every byte goes once; the object is one, of three parts."""
    async with PartsSigner(s3, key, PART_BYTES) as signer:
        evidence = await carrier.attempt(signer.target)

    assert AUDIO == s3.content(key)
    assert re.fullmatch('"[0-9a-f]{32}-3"', evidence.etag)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
@pytest.mark.parametrize("tells", [False, True])
async def test_each_cut_costs_at_most_a_part(s3, key, tells, carrier):
    """Cut in every part and between parts, the object is whole in the end."""
    cuts = (1 * MIB, 5 * MIB, 9 * MIB, 14 * MIB, 17 * MIB)
    async with (
        before(s3.port, cut_up_at=cuts) as proxy,
        PartsSigner(s3, key, PART_BYTES, via=proxy.port, tells=tells) as signer,
    ):
        await carrier.persist(signer.target)

    assert AUDIO == s3.content(key)
    assert len(cuts) == proxy.cuts
    assert len(AUDIO) + len(cuts) * PART_BYTES + HEADS_BYTES >= proxy.up_bytes
    assert 1 == len(carrier.targets)


@pytest.mark.asyncio
@pytest.mark.parametrize("tells", [False, True])
async def test_a_part_whose_answer_is_lost(s3, key, tells, carrier):
    """A signer that tells what is held saves the part; else it is uploaded again, and is one."""
    async with (
        before(s3.port, cut_down_at=(100,)) as proxy,
        PartsSigner(s3, key, PART_BYTES, via=proxy.port, tells=tells) as signer,
    ):
        await carrier.persist(signer.target)

    assert AUDIO == s3.content(key)
    assert len(AUDIO) + (0 if tells else PART_BYTES) == carrier.sent_bytes


@pytest.mark.asyncio
@pytest.mark.parametrize("tells", [False, True])
async def test_a_completion_whose_answer_is_lost(s3, key, tells, carrier):
    """Completing twice ends the same on both: the object is there and no byte goes again."""
    async with (
        before(s3.port) as proxy,
        PartsSigner(s3, key, PART_BYTES, via=proxy.port, tells=tells) as signer,
    ):

        async def cut_the_answer(request):
            if request.method == "POST" and not proxy.cuts:
                proxy.set(Faults(cut_down_at=(proxy.down_bytes + 10,)))

        carrier.transport.before = cut_the_answer
        await carrier.persist(signer.target)

    assert 1 == proxy.cuts
    assert AUDIO == s3.content(key)
    assert len(AUDIO) == carrier.sent_bytes
    assert 1 == len(carrier.targets)


@pytest.mark.asyncio
async def test_a_completion_that_did_not_arrive_is_repeated(s3, key, carrier):
    """Cut before the list, the upload is open still; it is completed by the next attempt."""
    async with (
        before(s3.port, cut_up_at=(len(AUDIO) + 3000,)) as proxy,
        PartsSigner(s3, key, PART_BYTES, via=proxy.port) as signer,
    ):
        await carrier.persist(signer.target)

    assert AUDIO == s3.content(key)
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_crash_of_store_and_agent(s3, key, carrier):
    """Parts that were answered survive it; only what was under way goes again."""
    async with (
        before(s3.port, cut_up_at=(7 * MIB,)) as proxy,
        PartsSigner(s3, key, PART_BYTES, via=proxy.port) as signer,
    ):

        async def crash(_):
            if proxy.cuts:
                raise Stopped

        carrier.transport.after = crash
        with pytest.raises(Stopped):
            await carrier.attempt(signer.target)
        s3.daemon.restart()
        carrier.transport.after = nothing
        await carrier.attempt(signer.target)

    assert AUDIO == s3.content(key)
    assert len(AUDIO) + 2 * MIB + HEADS_BYTES >= proxy.up_bytes


@pytest.mark.asyncio
async def test_urls_that_are_too_old_are_signed_again(s3, key, carrier):
    """A refused part leads to the document, not to a new upload."""
    async with PartsSigner(s3, key, PART_BYTES) as signer:
        signer.age_s = 700

        async def in_time(exchange):
            if exchange.request.method == "PUT":
                signer.age_s = 0

        carrier.transport.after = in_time
        await carrier.attempt(signer.target)

    assert AUDIO == s3.content(key)
    assert [200, 403, 200, 200] == carrier.statuses()[:4]
    assert 1 == len(carrier.targets)


@pytest.mark.asyncio
async def test_a_document_that_is_too_old_is_renewed_with_its_parts(s3, key, carrier):
    """A fresh target goes on with the parts that are up."""
    async with PartsSigner(s3, key, PART_BYTES) as signer:

        async def late(exchange):
            if exchange.sent_bytes and len(carrier.targets) == 1:
                signer.expire()

        carrier.transport.after = late
        await carrier.attempt(signer.target)

    assert AUDIO == s3.content(key)
    assert len(AUDIO) == carrier.sent_bytes
    assert 2 == len(carrier.targets)


@pytest.mark.asyncio
@pytest.mark.parametrize("tells", [False, True])
async def test_an_aborted_upload_begins_anew(s3, key, tells, carrier):
    """Somebody swept it away: all of it goes again, on a new upload."""
    async with PartsSigner(s3, key, PART_BYTES, tells=tells) as signer:
        first = []

        async def swept(exchange):
            if exchange.sent_bytes and not first:
                first.append(signer.upload_id)
                await asyncio.to_thread(signer.abort)
                signer.upload_id = ""

        carrier.transport.after = swept
        await carrier.attempt(signer.target)

    assert AUDIO == s3.content(key)
    assert len(AUDIO) + 2 * PART_BYTES >= carrier.sent_bytes
    assert 2 == len(carrier.targets)


@pytest.mark.asyncio
async def test_a_part_that_somebody_replaced_is_noticed(s3, key, carrier):
    """The list names what we sent: nothing else is ever made the object.

    JuiceFS says InvalidPart and all goes again; SeaweedFS has kept both and takes ours.
    """
    async with PartsSigner(s3, key, PART_BYTES) as signer:

        async def replaced(exchange):
            if exchange.request.body_offset == 2 * PART_BYTES and len(carrier.targets) == 1:
                await asyncio.to_thread(signer.put_part, 1, noise(PART_BYTES, seed=7))
                signer.upload_id = ""

        carrier.transport.after = replaced
        await carrier.attempt(signer.target)

    completions = [each.answer.status for each in carrier.exchanges if each.request.content]
    assert AUDIO == s3.content(key)
    assert [200] == completions[-1:]
    assert len(completions) * len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_parts_that_are_too_small_are_a_fault_of_the_signer(seaweedfs, key, carrier):
    """EntityTooSmall at the end: no attempt will do better, so a human is told."""
    async with PartsSigner(seaweedfs, key, 2 * MIB) as signer:
        with pytest.raises(CloudRejected, match="EntityTooSmall"):
            await carrier.attempt(signer.target)

    assert seaweedfs.content(key) is None


@pytest.mark.asyncio
async def test_more_parts_than_a_document_names(juicefs_gateway, key, carrier):
    """The next document begins where the last one ended."""
    async with PartsSigner(juicefs_gateway, key, 1 * MIB) as signer:
        await carrier.attempt(signer.target)

    assert AUDIO == juicefs_gateway.content(key)
    assert len(AUDIO) == carrier.sent_bytes
    assert 6 <= signer.documents
