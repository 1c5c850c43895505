"""What a recorder lists is distrusted item by item: refused with a reason, never a crash."""

from dataclasses import replace

import cbor2
import pytest

from device.core.link.answers import Page
from device.core.link.listing import (
    Holding,
    MediumItem,
    RecordingItem,
    Timebase,
    decode_item,
    encode_item,
    items_digest,
)
from device.core.link.messages import encode_message, parse
from device.errors import ProtocolViolation
from tests.device.drivers.native_rig import (
    FakeStore,
    Recorder,
    driving,
    relisted,
    usual_store,
)

GOOD = b"A" * 16
BAD = b"B" * 16


async def listed(recorder: Recorder):
    async with driving(recorder) as driver:
        return await driver.recordings()


def with_media(change) -> FakeStore:
    """Make a store whose second recording has changed media."""
    store = usual_store()
    second = store.stored[1]
    store.stored[1] = replace(second, media=tuple(change(second.media)))
    return store


def broken_item(**wrong) -> bytes:
    item = {1: BAD, 2: 7, 3: 2, 4: 1, 5: 5000, 6: bytes(32), 7: 0}
    return cbor2.dumps({**item, **{int(key[1:]): value for key, value in wrong.items()}})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "item",
    [
        b"",
        b"\xff\x00garbage",
        b"\x81" * 3000,
        broken_item(k1=b"short"),
        broken_item(k1="../../x"),
        broken_item(k2=-1),
        broken_item(k5=-5000),
        broken_item(k5=1 << 64),
        broken_item(k6=None),
        broken_item(k3=9),
    ],
)
async def test_a_garbage_item_is_rejected_and_the_others_stay(item):
    """One unreadable item of a listing is shown with a reason; the rest is pulled."""
    recorder = Recorder(usual_store(), tamper=relisted(lambda items: [items[0], item]))
    listing = await listed(recorder)

    assert [r.key.recording for r in listing.recordings] == [GOOD.hex()]
    assert len(listing.rejected) == 1
    assert listing.rejected[0].reason


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda media: [replace(media[0], size_bytes=1 << 50)], "size that is not possible"),
        (lambda media: [replace(media[0], index=3)], "numbered"),
        (lambda media: [replace(media[0], kind=77)], "kind"),
        (lambda _: [], "no media"),
    ],
)
async def test_an_impossible_manifest_is_rejected(change, reason):
    """A recording whose media make no sense is shown with the reason."""
    listing = await listed(Recorder(with_media(change)))

    assert [r.key.recording for r in listing.recordings] == [GOOD.hex()]
    assert [r.recording for r in listing.rejected] == [BAD.hex()]
    assert reason in listing.rejected[0].reason


@pytest.mark.asyncio
async def test_a_manifest_that_was_not_listed_is_rejected():
    """Media that do not have the digest of the listing are not pulled."""

    def other_digest(items):
        second = replace(decode_item(RecordingItem, items[1]), manifest=bytes(32))
        return [items[0], encode_item(second)]

    listing = await listed(Recorder(usual_store(), tamper=relisted(other_digest)))

    assert [r.recording for r in listing.rejected] == [BAD.hex()]
    assert "digest" in listing.rejected[0].reason


@pytest.mark.asyncio
async def test_one_key_for_two_recordings_rejects_both():
    """Nothing says which of two a release would delete, so neither is pulled."""

    def twice(items):
        other = replace(decode_item(RecordingItem, items[0]), manifest=bytes(32))
        return [*items, encode_item(other)]

    listing = await listed(Recorder(usual_store(), tamper=relisted(twice)))

    assert [r.key.recording for r in listing.recordings] == [BAD.hex()]
    assert [r.recording for r in listing.rejected] == [GOOD.hex()] * 2


@pytest.mark.asyncio
async def test_the_same_item_twice_is_one_recording():
    """A copy of an item is told of, and the recording is pulled once."""
    recorder = Recorder(usual_store(), tamper=relisted(lambda items: [*items, items[0]]))
    listing = await listed(recorder)

    assert [r.key.recording for r in listing.recordings] == [GOOD.hex(), BAD.hex()]
    assert [r.recording for r in listing.rejected] == [GOOD.hex()]


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\\b", "\x1b[31mred", "..", "", None])
async def test_a_name_is_a_label_and_never_a_path(name):
    """Whatever a recorder calls a medium, the label has no separators and no control characters."""
    listing = await listed(Recorder(with_media(lambda media: [replace(media[0], name=name)])))
    label = listing.recordings[1].media[0].name

    assert label
    assert label.isprintable()
    assert not set(label) & set("/\\:")
    assert not label.startswith(".")


@pytest.mark.asyncio
async def test_a_content_type_that_is_none_becomes_octets():
    """A content type that could break out of a header is not passed on."""
    store = with_media(lambda m: [replace(m[0], content_type="audio/ogg\r\nX-Evil: 1")])
    listing = await listed(Recorder(store))

    assert listing.recordings[1].media[0].content_type == "application/octet-stream"


@pytest.mark.asyncio
async def test_open_and_kept_recordings_are_not_listed():
    """What is still written is told as no failure; what was released and kept is left out."""
    store = usual_store()
    store.stored = [
        replace(store.stored[0], state=Holding.OPEN),
        replace(store.stored[1], state=Holding.KEPT),
    ]
    listing = await listed(Recorder(store))

    assert listing.recordings == ()
    assert [("still being recorded", False)] == [(r.reason, r.failed) for r in listing.rejected]


@pytest.mark.asyncio
async def test_a_listing_without_its_digest_is_never_believed():
    """A listing that does not add up is asked for again, and then is an error, not a short list."""

    def tamper(frame):
        page = parse(frame)
        return (
            encode_message(replace(page, sha256=bytes(32))) if isinstance(page, Page) else frame,
        )

    async with driving(Recorder(usual_store(), tamper=tamper)) as driver:
        with pytest.raises(ProtocolViolation):
            await driver.recordings()


@pytest.mark.asyncio
async def test_a_listing_of_many_pages_is_whole():
    """Hundreds of recordings arrive in pages, each once, in order."""
    contents = {(number.to_bytes(16), 1): (b"x",) for number in range(200)}
    listing = await listed(Recorder(FakeStore(contents)))

    assert [int(r.key.recording, 16) for r in listing.recordings] == list(range(200))


@pytest.mark.asyncio
async def test_a_listing_that_changes_meanwhile_is_read_again():
    """A recording that is closed between two pages is in the listing, and nothing is doubled."""
    contents = {(number.to_bytes(16), 1): (b"x",) for number in range(30)}
    store = FakeStore(contents)
    recorder = Recorder(store)
    pages = []

    def tamper(frame):
        if isinstance(parse(frame), Page):
            pages.append(frame)
            if len(pages) == 1:
                store.remove(store.stored[0])
        return (frame,)

    recorder.tamper = tamper
    listing = await listed(recorder)

    assert [int(r.key.recording, 16) for r in listing.recordings] == list(range(1, 30))


@pytest.mark.asyncio
async def test_times_of_up_time_are_placed_by_our_clock():
    """A recorder without a clock gets times from its up-time, marked as not trusted."""
    store = usual_store()
    board_boot = b"boot0001"
    store.stored[0] = replace(
        store.stored[0], timebase=Timebase.UPTIME, boot=board_boot, started_ms=30_000
    )
    store.stored[1] = replace(
        store.stored[1], timebase=Timebase.UPTIME, boot=b"earlier!", started_ms=30_000
    )
    now, earlier = (await listed(Recorder(store))).recordings

    assert now.started_at is not None
    assert not now.times_trusted
    assert earlier.started_at is None


@pytest.mark.asyncio
@pytest.mark.parametrize("started_ms", [0, 1, (1 << 64) - 1])
async def test_an_absurd_time_is_no_time(started_ms):
    """A time that cannot be true is left out, and the recording is pulled."""
    store = usual_store()
    store.stored[0] = replace(store.stored[0], started_ms=started_ms)
    listing = await listed(Recorder(store))

    assert listing.recordings[0].started_at is None


def test_an_items_digest_is_of_the_bytes():
    """The digest is over the items as they stood on the wire, joined."""
    item = encode_item(MediumItem(index=0, kind=1, content_type="", size_bytes=0, sha256=bytes(32)))

    assert items_digest([item, b""]) == items_digest([item])
