"""A sealed medium in parts: what is kept, counted, checked and dropped."""

from pathlib import Path

import pytest

from device.config import SpoolConfig
from device.core import manifest as manifests
from device.errors import IllegalMove, SpoolDamaged, SpoolFull
from device.model import Evidence, State, Target, UploadSession
from device.spool import folders
from device.spool.cutting import INDEXES
from device.spool.reader import read_only
from device.spool.spool import Spool
from tests.device.spool.cut_life import AUDIO, PART_BYTES, PARTS, WANTED
from tests.device.spool.recordings import receipt, sha256

VECTOR = Path(__file__).parents[2] / "vectors" / "spool" / "parts-v1.cbor"
SESSION = UploadSession(target=Target(url="https://store/x"), protocol="single_put")


def whole(spool):
    entry = spool.begin(WANTED)
    pulled = spool.partial(entry.id, 0)
    pulled.append(AUDIO)
    spool.finish_medium(entry.id, 0, pulled)
    return spool.seal(entry.id)


def cut(spool, entry=None, **limits):
    entry = entry or whole(spool)
    return spool.cut(entry.id, 0, reason="a test", **(limits or {"part_bytes": PART_BYTES}))


def parts_in(config, entry):
    return sorted(path.name for path in (config.path / "sealed" / entry.id).glob("*.part*"))


def test_parts_stand_in_the_place_of_their_medium(spool, config):
    """A cloud is told of the parts; folder, index and recorder know the medium."""
    entry = cut(spool)
    told = spool.manifest(entry.id).media

    assert PARTS == [medium.sha256 for medium in told]
    assert [0, INDEXES + 2, INDEXES + 3] == [medium.index for medium in told]
    assert "a part 1 of 3.opus" == told[0].name
    assert [0, 393, 693] == [medium.t_offset_ms for medium in told]
    assert [sha256(AUDIO)] == [medium.sha256 for medium in entry.media]
    held = folders.read_manifest(config.path / "sealed" / entry.id)
    assert [sha256(AUDIO)] == [medium.sha256 for medium in held.media]
    assert "audio is sent in 3 parts: a test" == entry.media[0].cut.reason


def test_each_part_has_a_session_and_evidence_of_its_own(spool):
    """What is kept under an index is that of what is sent under it."""
    spool.save_session(whole(spool).id, 0, SESSION)
    entry = cut(spool, spool.known(WANTED.key))
    spool.save_session(entry.id, INDEXES + 2, SESSION)
    spool.save_evidence(entry.id, INDEXES + 2, Evidence(status=200))
    (medium,) = spool.entry(entry.id).media

    assert medium.session is None
    assert [None, SESSION, None] == [part.session for part in medium.parts]
    assert [None, Evidence(status=200), None] == [part.evidence for part in medium.parts]


def test_cutting_again_changes_nothing(spool):
    """What is cut stays so, whatever the link has become."""
    assert cut(spool) == cut(spool, spool.known(WANTED.key), part_bytes=20_000)


def test_a_medium_that_is_in_the_cloud_is_not_cut(spool):
    """Never both the whole and its parts."""
    entry = whole(spool)
    spool.save_evidence(entry.id, 0, Evidence(status=200))

    with pytest.raises(IllegalMove):
        cut(spool, entry)


def test_one_part_is_no_part(spool, config):
    """Where nothing is to be divided the medium goes up as it is, and says why."""
    entry = cut(spool, part_s=60.0)

    assert [sha256(AUDIO)] == [m.sha256 for m in spool.manifest(entry.id).media]
    assert "audio is sent whole: it is no longer than one part; a test" == entry.media[0].cut.reason
    assert [] == parts_in(config, entry)


def test_parts_are_gone_when_the_recording_is_stored(spool, config):
    """They count as long as they are there, and leave with the receipt; how it went is kept."""
    entry = cut(spool)
    size_bytes = sum(part.medium.size_bytes for part in entry.media[0].parts)
    with pytest.raises(SpoolFull, match=f"holds {len(AUDIO) + size_bytes} bytes"):
        Spool.room_for(_with_limit(spool, config), 1 << 20)
    stored = spool.store(entry.id, receipt())

    assert [] == parts_in(config, entry)
    assert () == stored.media[0].parts
    assert 3 == len(stored.media[0].cut.parts)


def _with_limit(spool, config):
    spool._config = SpoolConfig(path=config.path, min_free_bytes=0, max_bytes=1 << 20)
    return spool


def test_verify_reads_the_parts_too(spool, config):
    """A part that is not what it was is named; one that is missing is no damage."""
    entry = cut(spool)
    folder = config.path / "sealed" / entry.id
    first, second, *_ = (folder / name for name in parts_in(config, entry) if "cbor" not in name)
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.unlink()

    assert [first.name] == [each.file for each in spool.verify() if each.problem]


def test_a_requeue_makes_the_parts_again(spool, config):
    """After a person looked, bytes in doubt are not trusted: the medium itself is."""
    entry = cut(spool)
    path = spool.media_path(entry.id, 0)
    path.write_bytes(bytes(path.stat().st_size))
    spool.quarantine(entry.id, "a digest has changed")
    spool.requeue(entry.id)
    spool.make_parts(entry.id)

    assert PARTS == [
        sha256(spool.media_path(entry.id, m.index).read_bytes())
        for m in spool.manifest(entry.id).media
    ]


def test_parts_that_come_out_otherwise_are_damage(spool, config):
    """A medium that has changed gives other parts; nothing of them goes up."""
    entry = cut(spool)
    folder = config.path / "sealed" / entry.id
    spool.media_path(entry.id, 0).unlink()
    (folder / "audio.ogg").write_bytes(AUDIO[:-1] + b"?")

    with pytest.raises(SpoolDamaged, match=entry.media[0].medium.name):
        spool.make_parts(entry.id)


def test_a_record_that_was_lost_is_written_again(spool, config, reopen):
    """The index knows how a medium was cut, too."""
    entry = cut(spool)
    spool.close()
    record = config.path / "sealed" / entry.id / "audio.parts.cbor"
    before = record.read_bytes()
    record.write_bytes(b"?")
    reopen()

    assert before == record.read_bytes()


def test_the_record_is_what_earlier_versions_wrote(spool, config):
    """A golden vector: who changes the form of the record must still read this one."""
    entry = cut(spool)
    record = config.path / "sealed" / entry.id / "audio.parts.cbor"

    assert VECTOR.read_bytes() == record.read_bytes()


def test_a_medium_that_is_pulled_anew_keeps_its_parts(spool, config):
    """Lost from our disk and pulled again: the same bytes, so the same parts go on."""
    entry = cut(spool)
    spool.save_evidence(entry.id, 0, Evidence(status=200))
    (config.path / "sealed" / entry.id / "audio.ogg").write_bytes(b"")
    spool.quarantine_damaged(entry.id, "its bytes are lost")
    again = spool.requeue(entry.id)
    assert State.PULLING is again.state
    sealed = whole(spool)

    assert manifests.outgoing(sealed).media == manifests.outgoing(entry).media
    assert Evidence(status=200) == sealed.media[0].parts[0].evidence


def test_a_reader_sees_the_parts(spool, config):
    """`status` looks from another process."""
    entry = cut(spool)
    with read_only(config.path) as reader:
        assert [entry] == reader.entries()
        assert entry == reader.entry(entry.id)
