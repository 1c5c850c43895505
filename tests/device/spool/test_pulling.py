"""From the first byte of a recording to its seal."""

from dataclasses import replace

import pytest

from device.errors import (
    DigestMismatch,
    EntryUnknown,
    IllegalMove,
    SpoolError,
    SpoolFull,
    UsageInvalid,
)
from device.model import BlockHashes, MediaKind, Medium, State
from device.spool.folders import read_manifest
from device.spool.layout import media_files
from device.spool.spool import Spool
from tests.device.spool.recordings import AUDIO, IMAGE, pull, recording, sealed, sha256


def test_a_pulled_recording_is_sealed_under_names_of_ours(spool):
    """The folder holds the media and the manifest, named by what they are, never by recorders."""
    entry = sealed(spool)
    folder = spool.root / "sealed" / entry.id

    assert State.SEALED is entry.state
    assert ["0001.jpg", "audio.opus", "manifest.cbor"] == sorted(p.name for p in folder.iterdir())
    assert AUDIO == spool.media_path(entry.id, 0).read_bytes()
    assert IMAGE == spool.media_path(entry.id, 1).read_bytes()
    assert read_manifest(folder) == spool.manifest(entry.id)


def test_everything_is_for_the_owner_alone(spool):
    """No folder and no file of the spool can be opened by anybody else."""
    sealed(spool)
    modes = {oct(path.stat().st_mode & 0o077) for path in spool.root.rglob("*")}

    assert {"0o0"} == modes


def test_begin_is_idempotent_by_the_key(spool):
    """The same listing twice is one entry, in whatever state it is."""
    entry = sealed(spool)

    assert entry == spool.begin(recording())
    assert [entry] == spool.entries()
    assert entry == spool.known(recording().key)


def test_seal_is_idempotent(spool):
    """Sealing again changes nothing."""
    entry = sealed(spool)

    assert entry == spool.seal(entry.id)


def test_a_changed_listing_starts_the_changed_medium_over(spool):
    """What a digest proves to be the same is kept; everything else is pulled again."""
    entry = spool.begin(recording())
    pull(spool, recording())
    changed = recording(image=b"another image")
    after = spool.begin(changed)

    assert entry.id == after.id
    assert [len(AUDIO), 0] == [medium.pulled_bytes for medium in after.media]
    assert [sha256(AUDIO), None] == [medium.sha256 for medium in after.media]
    assert not (spool.root / "incoming" / entry.id / "0001.jpg").exists()


def test_a_listing_with_new_metadata_alone_keeps_the_bytes(spool):
    """A correction of the description is no reason to pull again."""
    spool.begin(recording())
    pull(spool, recording())
    after = spool.begin(replace(recording(), metadata={"site": "south"}))

    assert {"site": "south"} == after.recording.metadata
    assert [len(AUDIO), len(IMAGE)] == [medium.pulled_bytes for medium in after.media]


def test_a_wrong_digest_is_refused_and_can_be_read_again(spool):
    """A mismatch leaves the file open, so that it can be emptied and read once more."""
    entry = spool.begin(recording())
    partial = spool.partial(entry.id, 0)
    partial.append(bytes(len(AUDIO)))
    with pytest.raises(DigestMismatch):
        spool.finish_medium(entry.id, 0, partial)
    partial.truncate(0)
    partial.append(AUDIO)
    spool.finish_medium(entry.id, 0, partial)

    assert sha256(AUDIO) == spool.entry(entry.id).media[0].sha256


def test_a_short_medium_is_refused(spool):
    """Fewer bytes than announced are not a medium, digest or not."""
    entry = spool.begin(recording())
    partial = spool.partial(entry.id, 1)
    partial.append(IMAGE[:-1])

    with pytest.raises(DigestMismatch, match="photo has 2999 bytes"):
        spool.finish_medium(entry.id, 1, partial)


def test_nothing_is_sealed_before_every_medium_is_finished(spool):
    """An unfinished recording stays under incoming/."""
    entry = spool.begin(recording())
    with pytest.raises(IllegalMove):
        spool.seal(entry.id)

    assert State.PULLING is spool.entry(entry.id).state
    assert [] == list((spool.root / "sealed").iterdir())


def test_a_medium_that_vanished_before_the_seal_is_pulled_again(spool):
    """The seal looks at the files; what is gone starts over instead of being sealed."""
    entry = spool.begin(recording())
    pull(spool, recording())
    (spool.root / "incoming" / entry.id / "audio.opus").unlink()
    with pytest.raises(SpoolError, match=r"audio\.opus is missing"):
        spool.seal(entry.id)
    pull(spool, recording())

    assert State.SEALED is spool.seal(entry.id).state


def test_a_second_partial_closes_the_first(spool):
    """Two writers on one file would interleave, so the later one wins."""
    entry = spool.begin(recording())
    first = spool.partial(entry.id, 0)
    first.append(AUDIO[:1000])
    second = spool.partial(entry.id, 0)
    with pytest.raises(SpoolError, match="closed"):
        first.append(b"x")

    assert 1000 == second.size_bytes == second.durable_bytes


def test_what_is_not_pulling_cannot_be_written(spool):
    """Sealed media are never opened to append."""
    entry = sealed(spool)

    with pytest.raises(IllegalMove):
        spool.partial(entry.id, 0)


def test_unknown_entries_and_media_are_named_as_such(spool):
    """Asking for what is not there is an error of its own."""
    entry = spool.begin(recording())

    assert spool.known(replace(recording().key, generation=2)) is None
    with pytest.raises(EntryUnknown):
        spool.entry("0" * 32)
    with pytest.raises(IllegalMove):
        spool.partial(entry.id, 7)
    with pytest.raises(EntryUnknown):
        spool.save_cloud_ref("0" * 32, {})


def test_local_files_are_copied_in_and_sealed(spool, tmp_path):
    """`fieldpost upload` makes one sealed recording of files that stay where they are."""
    files = [tmp_path / "a.opus", tmp_path / "b.jpg"]
    files[0].write_bytes(AUDIO)
    files[1].write_bytes(IMAGE)
    entry = spool.ingest(recording(), files)

    assert State.SEALED is entry.state
    assert entry == spool.ingest(recording(), files)
    assert AUDIO == spool.media_path(entry.id, 0).read_bytes()
    assert AUDIO == files[0].read_bytes()


def test_a_local_file_that_cannot_be_read_is_the_operators(spool, tmp_path):
    """A wrong path is an error of usage, and the next try goes on."""
    with pytest.raises(UsageInvalid, match="No such file"):
        spool.ingest(recording(), [tmp_path / "none", tmp_path / "nor this"])


def test_a_spool_above_its_limit_takes_nothing_in(config, clock, tmp_path):
    """`max_bytes` stops a pull before it begins, and says why."""
    spool = Spool.open(replace(config, max_bytes=1000), clock)
    try:
        spool.room_for(1000)
        with pytest.raises(SpoolFull, match="can never fit into the 1000 bytes"):
            spool.room_for(1001)
    finally:
        spool.close()


@pytest.mark.parametrize(
    ("content_type", "kind", "expected"),
    [
        ("audio/ogg;codecs=opus", MediaKind.AUDIO, "audio.opus"),
        ("audio/ogg", MediaKind.AUDIO, "audio.ogg"),
        ("AUDIO/WAV", MediaKind.AUDIO, "audio.wav"),
        ("video/mp4", MediaKind.VIDEO, "video.mp4"),
        ("image/png", MediaKind.IMAGE, "0001.png"),
        ("../../etc/passwd", MediaKind.IMAGE, "0001.bin"),
    ],
)
def test_names_follow_from_kind_and_content_type(content_type, kind, expected):
    """Whatever a recorder says, the file has a plain name."""
    medium = Medium(index=3, name="/x", kind=kind, content_type=content_type, size_bytes=1)

    assert {3: expected} == media_files((medium,))


def test_media_of_one_kind_are_numbered_by_their_place():
    """Names do not depend on the order in which media are announced."""
    audio = Medium(index=0, name="", kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=1)
    image = replace(audio, kind=MediaKind.IMAGE, content_type="image/jpeg")
    media = (replace(image, index=4), replace(audio, index=3), replace(image, index=2), audio)

    assert {0: "audio.opus", 3: "audio-2.opus", 2: "0001.jpg", 4: "0002.jpg"} == media_files(media)


def test_block_hashes_count_the_prefix_that_agrees(spool):
    """The held prefix is bound to the recorder's content block by block."""
    entry = spool.begin(recording())
    partial = spool.partial(entry.id, 0)
    partial.append(AUDIO[:2500] + b"\0" * 600)
    blocks = [AUDIO[n : n + 1000] for n in range(0, 40_000, 1000)]
    hashes = BlockHashes(
        block_bytes=1000, hashes=tuple(bytes.fromhex(sha256(block))[:16] for block in blocks)
    )

    assert 2000 == partial.matches(hashes)
