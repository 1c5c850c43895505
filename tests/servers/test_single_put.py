"""Plain presigned PUTs on S3 servers that nobody here wrote."""

import asyncio
import base64
import hashlib
import re
import uuid

import pytest

from device.errors import CloudRejected, CloudUnreachable
from device.model import Target
from tests.fakes.uploads import noise
from tests.servers.carrier import KIB, before, in_turn

AUDIO = noise(1200 * KIB)
OTHER = noise(1200 * KIB, seed=2)
KIND = "audio/opus"
HEADS_BYTES = 4 * KIB


@pytest.fixture
def key():
    return f"site/{uuid.uuid4().hex}.opus"


def put(s3, key, **signed):
    """A target as the APIs hand it out: a URL, and the headers that were signed with it."""
    names = {"ContentType": "Content-Type", "ContentMD5": "Content-MD5"}
    headers = tuple((names[name], value) for name, value in signed.items() if name in names)
    return Target(url=s3.presigned("put_object", Key=key, **signed), headers=headers)


def tampered(target):
    """Change the first digit of the signature."""
    mark = "X-Amz-Signature="
    url = re.sub(mark + "(.)", lambda found: mark + ("1" if found[1] == "0" else "0"), target.url)
    return Target(url=url, headers=target.headers)


@pytest.mark.asyncio
async def test_a_medium_is_stored(s3, key, carrier):
    """Every byte goes once, and the store's ETag is the MD5 of what it holds."""
    evidence = await carrier.attempt(lambda: put(s3, key, ContentType=KIND))

    assert AUDIO == s3.content(key)
    assert f'"{hashlib.md5(AUDIO, usedforsecurity=False).hexdigest()}"' == evidence.etag
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["a b+c%20d.opus", "Grüße/№ 7 & co?.opus"])
async def test_no_character_of_a_signed_url_is_quoted_anew(seaweedfs, key, name, carrier):
    """Names that need quoting arrive under the name that was signed."""
    evidence = await carrier.attempt(lambda: put(seaweedfs, f"{key}/{name}"))

    assert 200 == evidence.status
    assert AUDIO == seaweedfs.content(f"{key}/{name}")


@pytest.mark.asyncio
async def test_an_expired_url_is_renewed(s3, key, carrier):
    """The store's refusal leads to a fresh URL, and the medium is stored by it."""
    old = Target(url=s3.presigned("put_object", Key=key, age_s=700, life_s=600))

    await carrier.attempt(in_turn(old, put(s3, key)))

    assert [403, 200] == carrier.statuses()
    assert AUDIO == s3.content(key)
    assert 2 * len(AUDIO) >= carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_refusal_before_the_body_costs_no_byte_of_it(juicefs_gateway, key, carrier):
    """`Expect: 100-continue`: MinIO looks at the URL first. SeaweedFS calls for the body anyway."""
    old = Target(url=juicefs_gateway.presigned("put_object", Key=key, age_s=700, life_s=600))

    await carrier.attempt(in_turn(old, put(juicefs_gateway, key)))

    assert [0, len(AUDIO)] == [each.sent_bytes for each in carrier.exchanges]


@pytest.mark.asyncio
async def test_a_wrong_signature_is_given_up_after_a_second_url(s3, key, carrier):
    """The store blames the signature, not its age: no third URL can help."""
    with pytest.raises(CloudRejected, match="SignatureDoesNotMatch"):
        await carrier.attempt(lambda: tampered(put(s3, key)))

    assert [403, 403] == carrier.statuses()
    assert s3.content(key) is None


@pytest.mark.asyncio
async def test_one_wrong_signature_is_mended_by_a_fresh_url(s3, key, carrier):
    """Whatever spoilt the first URL, the second is tried."""
    await carrier.attempt(in_turn(tampered(put(s3, key)), put(s3, key)))

    assert AUDIO == s3.content(key)


@pytest.mark.asyncio
async def test_another_content_type_than_signed_is_refused(s3, key, carrier):
    """Headers are part of what was signed: an API that hands out others is told so."""
    signed = put(s3, key, ContentType=KIND)
    other = Target(url=signed.url, headers=(("Content-Type", "text/plain"),))

    with pytest.raises(CloudRejected, match="not what was signed"):
        await carrier.attempt(lambda: other)

    assert s3.content(key) is None


@pytest.mark.asyncio
async def test_a_body_that_is_not_its_signed_digest_is_not_kept(s3, key, carrier):
    """Damage on the way costs an attempt, never a wrong object."""
    md5 = base64.b64encode(hashlib.md5(OTHER, usedforsecurity=False).digest()).decode()

    with pytest.raises(CloudUnreachable, match="BadDigest"):
        await carrier.attempt(lambda: put(s3, key, ContentMD5=md5))

    assert s3.content(key) is None
    assert len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_body_that_is_its_signed_digest_is_stored(s3, key, carrier):
    """Content-MD5 goes out as it was signed."""
    md5 = base64.b64encode(hashlib.md5(AUDIO, usedforsecurity=False).digest()).decode()

    await carrier.attempt(lambda: put(s3, key, ContentMD5=md5, ContentType=KIND))

    assert AUDIO == s3.content(key)


@pytest.mark.asyncio
@pytest.mark.parametrize(("share", "reset"), [(0.1, True), (0.5, False), (0.99, True)])
async def test_a_cut_leaves_what_was_there(s3, key, share, reset, carrier):
    """A store shows a whole object or the old one; the next attempt goes through."""
    s3.call("put_object", OTHER, Key=key)
    async with before(s3.port, cut_up_at=(int(len(AUDIO) * share),), reset=reset) as proxy:
        give = in_turn(Target(url=s3.presigned("put_object", via=proxy.port, Key=key)))
        with pytest.raises(CloudUnreachable):
            await carrier.attempt(give)
        held = await asyncio.to_thread(s3.content, key)

        await carrier.attempt(give)

    assert OTHER == held
    assert AUDIO == s3.content(key)
    assert len(AUDIO) * (1 + share) + HEADS_BYTES >= proxy.up_bytes


@pytest.mark.asyncio
async def test_a_lost_answer_is_followed_by_the_same_bytes(s3, key, carrier):
    """Nobody can ask a plain URL what it holds; sending again gives the same object."""
    async with before(s3.port, cut_down_at=(100,)) as proxy:
        give = in_turn(Target(url=s3.presigned("put_object", via=proxy.port, Key=key)))
        with pytest.raises(CloudUnreachable):
            await carrier.attempt(give)
        held = await asyncio.to_thread(s3.content, key)

        await carrier.attempt(give)

    assert [AUDIO, AUDIO] == [held, s3.content(key)]
    assert 2 * len(AUDIO) == carrier.sent_bytes


@pytest.mark.asyncio
async def test_a_crash_of_the_store_is_outlived(s3, key, carrier):
    """A store that is down is no store; up again it takes the same URL."""
    give = in_turn(put(s3, key))
    with s3.daemon.down(), pytest.raises(CloudUnreachable, match="cannot connect"):
        await carrier.attempt(give)

    await carrier.attempt(give)

    assert AUDIO == s3.content(key)
    assert 1 == len(carrier.targets)


@pytest.mark.asyncio
async def test_a_bucket_that_is_not_there_is_a_fault_of_the_cloud(juicefs_gateway, key, carrier):
    """No URL of it will ever work. SeaweedFS makes the bucket when the key may."""
    with pytest.raises(CloudRejected, match="NoSuchBucket"):
        await carrier.attempt(lambda: put(juicefs_gateway, key, Bucket="nowhere"))
