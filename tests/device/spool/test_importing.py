"""Bringing rescued recordings into another box's spool."""

import io
import os
import tarfile

import pytest

from device.config import SpoolConfig
from device.errors import SpoolFull, UsageInvalid
from device.model import State
from device.spool.export_folder import ExportFolder
from device.spool.export_tar import ExportTar
from device.spool.exporting import Exporter
from device.spool.import_source import FolderSource, TarSource
from device.spool.importing import Importer, Outcome
from device.spool.layout import Layout
from device.spool.reader import read_only
from device.spool.spool import Spool
from tests.device.spool.recordings import AUDIO, NOON, pull, receipt, recording, sealed, stored
from tests.fakes.clock import FakeClock

ONE = recording("01" * 16)
TWO = recording("02" * 16)


def opened(path, **limits) -> Spool:
    return Spool.open(SpoolConfig(path=path, min_free_bytes=0, **limits), FakeClock())


@pytest.fixture
def here(tmp_path):
    """The box that is to take it."""
    held = opened(tmp_path / "here")
    yield held
    held.close()


@pytest.fixture
def there(tmp_path):
    """The box that it comes from."""
    held = opened(tmp_path / "there")
    yield held
    held.close()


@pytest.fixture
def stick(tmp_path):
    return tmp_path / "stick"


def export(spool, sink) -> None:
    with read_only(spool.root) as reader:
        exporter = Exporter(
            reader=reader,
            layout=Layout(spool.root),
            sink=sink,
            now=lambda: NOON,
            step=lambda _: None,
        )
        list(exporter.run(reader.entries()))


def to_stick(spool, stick) -> None:
    export(spool, ExportFolder(stick, lambda _: None))


def bring_in(spool, source):
    return list(Importer(spool=spool, source=source, step=lambda _: None).run())


def test_an_imported_recording_is_the_one_that_was_exported(there, here, stick):
    """Identity, times, metadata and bytes: the cloud sees no difference."""
    entry = sealed(there, ONE)
    to_stick(there, stick)

    (done,) = bring_in(here, FolderSource(stick))
    taken = here.entry(entry.id)

    assert (Outcome.IMPORTED, State.SEALED) == (done.outcome, taken.state)
    assert entry.recording.key == taken.recording.key
    assert ONE.metadata == taken.recording.metadata
    assert [(m.sha256, m.md5) for m in entry.media] == [(m.sha256, m.md5) for m in taken.media]
    assert [] == [each for each in here.verify() if each.problem]


def test_its_recorder_is_not_pulled_a_second_time(there, here, stick):
    """The recorder that still holds it announces what is sealed already."""
    sealed(there, ONE)
    to_stick(there, stick)
    bring_in(here, FolderSource(stick))

    assert State.SEALED is here.begin(ONE).state


def test_a_second_import_tells_what_is_here(there, here, stick):
    """Idempotent by the recording's key, whatever became of it since."""
    entry = sealed(there, ONE)
    to_stick(there, stick)
    bring_in(here, FolderSource(stick))
    here.store(entry.id, receipt())
    here.release(entry.id)

    (again,) = bring_in(here, FolderSource(stick))

    assert (Outcome.HERE, State.RELEASED) == (again.outcome, again.state)


def test_damage_leaves_no_trace(there, here, stick):
    """One flipped bit: nothing of that recording is in the spool, and the others are."""
    first, second = sealed(there, ONE), sealed(there, TWO)
    to_stick(there, stick)
    audio = stick / first.id / "audio.opus"
    audio.write_bytes(b"\0" + AUDIO[1:])

    outcomes = {done.entry: done.outcome for done in bring_in(here, FolderSource(stick))}

    assert {first.id: Outcome.FAILED, second.id: Outcome.IMPORTED} == outcomes
    assert [second.id] == [entry.id for entry in here.entries()]


@pytest.mark.parametrize("harm", ["missing", "link", "pipe"])
def test_what_is_no_plain_file_is_refused(there, here, stick, harm):
    """Nothing outside the export is read, and nothing waits for a pipe."""
    entry = sealed(there, ONE)
    to_stick(there, stick)
    audio = stick / entry.id / "audio.opus"
    audio.rename(stick / "elsewhere")
    if harm == "link":
        audio.symlink_to(stick / "elsewhere")
    if harm == "pipe":
        os.mkfifo(audio)

    (done,) = bring_in(here, FolderSource(stick))

    assert Outcome.FAILED == done.outcome
    assert [] == here.entries()


def test_a_pull_that_began_here_is_completed(there, here, stick):
    """The recorder came to this box after it had been to the other one."""
    entry = sealed(there, ONE)
    to_stick(there, stick)
    begun = here.begin(ONE)
    partial = here.partial(begun.id, 0)
    partial.append(AUDIO[:1000])
    partial.close()

    (done,) = bring_in(here, FolderSource(stick))

    assert (Outcome.IMPORTED, State.SEALED) == (done.outcome, here.entry(entry.id).state)


def test_a_receipt_on_a_stick_is_no_receipt(there, here, stick):
    """What the cloud has is not taken: nothing may be deleted because of a file on a stick."""
    stored(there, ONE)
    to_stick(there, stick)

    (done,) = bring_in(here, FolderSource(stick))

    assert Outcome.IN_CLOUD == done.outcome
    assert "rec_1" in (done.problem or "")
    assert [] == here.entries()


def test_what_was_never_whole_stays_outside(there, here, stick):
    """Its files are for people; a cloud is not sent half a recording."""
    entry = there.begin(ONE)
    partial = there.partial(entry.id, 0)
    partial.append(AUDIO[:1000])
    partial.close()
    there.quarantine(entry.id, "digest mismatch")
    to_stick(there, stick)

    (done,) = bring_in(here, FolderSource(stick))

    assert Outcome.INCOMPLETE == done.outcome
    assert [] == here.entries()


def test_other_bytes_under_a_known_name_are_told(there, here, stick):
    """Two boxes must not hold two recordings of one name unnoticed."""
    sealed(there, ONE)
    to_stick(there, stick)
    other = b"\0" + AUDIO[1:]
    wanted = recording("01" * 16, audio=other)
    entry = here.begin(wanted)
    for index, content in enumerate((other, None)):
        partial = here.partial(entry.id, index)
        partial.append(content or (stick / entry.id / "0001.jpg").read_bytes())
        here.finish_medium(entry.id, index, partial)
    here.seal(entry.id)

    (done,) = bring_in(here, FolderSource(stick))

    assert (Outcome.FAILED, "it is here already, with other bytes") == (done.outcome, done.problem)


def test_a_full_spool_takes_nothing_half(there, stick, tmp_path):
    """Room is asked for before the entry is begun."""
    sealed(there, ONE)
    to_stick(there, stick)
    small = opened(tmp_path / "small", max_bytes=1000)
    try:
        with pytest.raises(SpoolFull):
            bring_in(small, FolderSource(stick))

        assert [] == small.entries()
    finally:
        small.close()


def test_a_tar_need_not_be_unpacked(there, here, tmp_path):
    """What came down a pipe is taken as it is."""
    entry = sealed(there, ONE)
    export(there, ExportTar(tmp_path / "x.tar", io.BytesIO(), lambda _: None))

    with TarSource(tmp_path / "x.tar") as source:
        (done,) = bring_in(here, source)

    assert (Outcome.IMPORTED, State.SEALED) == (done.outcome, here.entry(entry.id).state)


@pytest.mark.parametrize("kept", [0, 700, 30_000])
def test_a_tar_that_was_cut_is_refused(there, here, tmp_path, kept):
    """Half a tar is told before anything of it is taken, or what lacks bytes is not."""
    sealed(there, ONE)
    export(there, ExportTar(tmp_path / "x.tar", io.BytesIO(), lambda _: None))
    os.truncate(tmp_path / "x.tar", kept)

    try:
        with TarSource(tmp_path / "x.tar") as source:
            outcomes = {done.outcome for done in bring_in(here, source)}
    except UsageInvalid:
        outcomes = set()

    assert Outcome.IMPORTED not in outcomes
    assert [] == here.entries()


def test_a_link_in_a_tar_is_no_medium(there, here, tmp_path):
    """Only plain members count."""
    entry = sealed(there, ONE)
    export(there, ExportTar(tmp_path / "x.tar", io.BytesIO(), lambda _: None))
    with tarfile.open(tmp_path / "x.tar") as old, tarfile.open(tmp_path / "y.tar", "w") as new:
        for member in old:
            if member.name.endswith("audio.opus"):
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
                new.addfile(member)
            else:
                new.addfile(member, old.extractfile(member))

    with TarSource(tmp_path / "y.tar") as source:
        (done,) = bring_in(here, source)

    assert (Outcome.FAILED, entry.id) == (done.outcome, done.entry)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_imports_belongs_to_the_owner_of_the_spool(there, here, stick):
    """The agent is not root, and has to read it."""
    entry = sealed(there, ONE)
    to_stick(there, stick)
    os.chown(here.root, 12_345, 12_346)

    bring_in(here, FolderSource(stick))
    folder = here.root / "sealed" / entry.id

    assert {(12_345, 12_346)} == {
        (path.stat().st_uid, path.stat().st_gid) for path in (folder, *folder.iterdir())
    }


def test_a_recording_of_another_box_is_not_released_without_its_recorder(there, here, stick):
    """It goes up and stays stored: nobody here can tell the recorder, and nothing is claimed."""
    entry = sealed(there, ONE)
    to_stick(there, stick)
    bring_in(here, FolderSource(stick))
    here.store(entry.id, receipt())

    assert State.STORED is here.entry(entry.id).state
    assert State.SEALED is there.entry(entry.id).state


def test_a_pull_at_the_first_box_is_no_duplicate_there(there, stick):
    """What a box exported it can import again: it has it."""
    pull(there, ONE)
    there.seal(ONE.key.entry_id())
    to_stick(there, stick)

    (done,) = bring_in(there, FolderSource(stick))

    assert (Outcome.HERE, State.SEALED) == (done.outcome, done.state)
