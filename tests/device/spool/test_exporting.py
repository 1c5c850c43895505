"""Rescuing recordings out of a spool: read back, resumable, and nothing in it changed."""

import hashlib
import io
import json
import os
import resource
import subprocess
import tarfile
from dataclasses import replace

import pytest

from device.config import SpoolConfig
from device.core import exported as exports
from device.errors import ExportFailed, ExportFull, ExportUnfit
from device.model import State
from device.spool import export_folder
from device.spool.export_folder import ExportFolder
from device.spool.export_tar import ExportTar
from device.spool.exporting import Exporter, Outcome
from device.spool.layout import Layout
from device.spool.reader import read_only
from device.spool.spool import Spool
from tests.device.spool.recordings import AUDIO, IMAGE, NOON, recording, sealed, stored
from tests.fakes.clock import FakeClock

ONE = recording("01" * 16)
TWO = recording("02" * 16)


@pytest.fixture
def spool(tmp_path):
    held = Spool.open(SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), FakeClock())
    yield held
    held.close()


@pytest.fixture
def stick(tmp_path):
    return tmp_path / "stick"


def export(spool, sink, *states: State):
    """Export what is in these states (none: all), beside the spool that is held."""
    with read_only(spool.root) as reader:
        exporter = Exporter(
            reader=reader,
            layout=Layout(spool.root),
            sink=sink,
            now=lambda: NOON,
            step=lambda _: None,
        )
        return list(exporter.run(reader.entries(*states)))


def folder(stick) -> ExportFolder:
    return ExportFolder(stick, lambda _: None)


def tar(place, pipe=None) -> ExportTar:
    return ExportTar(place, pipe or io.BytesIO(), lambda _: None)


def files(root) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def sums_hold(root) -> bool:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "MANIFEST.sha256"],
        cwd=root,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def test_bytes_and_digests_leave_the_box(spool, stick):
    """What is on the stick is what was sealed, and sha256sum agrees."""
    entry = sealed(spool, ONE)

    export(spool, folder(stick))

    assert AUDIO == (stick / entry.id / "audio.opus").read_bytes()
    assert IMAGE == (stick / entry.id / "0001.jpg").read_bytes()
    assert sums_hold(stick)
    assert {f"{entry.id}/{name}" for name in ("audio.opus", "0001.jpg", "recording.json")} == {
        line.split("  ")[1] for line in (stick / "MANIFEST.sha256").read_text().splitlines()
    }


def test_the_spool_is_as_it_was(spool, stick):
    """Nothing is written, moved or touched in it."""
    sealed(spool, ONE)
    before = files(spool.root / "sealed")

    export(spool, folder(stick))

    assert before == files(spool.root / "sealed")
    assert [State.SEALED] == [entry.state for entry in spool.entries()]


def test_a_second_run_writes_nothing(spool, stick):
    """What is there already is compared and left."""
    sealed(spool, ONE)
    export(spool, folder(stick))
    before = {path: path.stat().st_mtime_ns for path in stick.rglob("*")}

    (again,) = export(spool, folder(stick))

    assert Outcome.THERE == again.outcome
    assert before == {path: path.stat().st_mtime_ns for path in stick.rglob("*")}


def test_a_second_run_completes_what_is_missing(spool, stick):
    """A run that was cut off left a temporary, and no more."""
    entry = sealed(spool, ONE)
    export(spool, folder(stick))
    (stick / entry.id / "0001.jpg").rename(stick / entry.id / "0001.jpg.part")
    sealed(spool, TWO)

    outcomes = [each.outcome for each in export(spool, folder(stick))]

    assert [Outcome.WRITTEN, Outcome.WRITTEN] == outcomes
    assert sums_hold(stick)
    assert not list(stick.rglob("*.part"))


def test_the_digests_of_two_boxes_stand_in_one_file(spool, stick, tmp_path):
    """A stick goes from box to box."""
    sealed(spool, ONE)
    export(spool, folder(stick))
    other = Spool.open(SpoolConfig(path=tmp_path / "other", min_free_bytes=0), FakeClock())
    sealed(other, TWO)
    export(other, folder(stick))
    other.close()

    assert 6 == len((stick / "MANIFEST.sha256").read_text().splitlines())
    assert sums_hold(stick)


@pytest.mark.parametrize("name", ["audio.opus", "recording.json"])
def test_a_file_that_differs_is_never_overwritten(spool, stick, name):
    """It may be the only copy of something; the others go on."""
    first, second = sealed(spool, ONE), sealed(spool, TWO)
    (stick / first.id).mkdir(parents=True)
    (stick / first.id / name).write_bytes(b"precious")

    failed, written = export(spool, folder(stick))

    assert (Outcome.FAILED, first.id) == (failed.outcome, failed.entry)
    assert (Outcome.WRITTEN, second.id) == (written.outcome, written.entry)
    assert b"precious" == (stick / first.id / name).read_bytes()


def test_a_stick_that_lies_is_found_out(spool, stick, monkeypatch):
    """What cannot be read back gets no name."""
    sealed(spool, ONE)
    monkeypatch.setattr(export_folder, "read_from_disk", lambda _: iter([b"something else"]))

    with pytest.raises(ExportFailed, match="does not give back"):
        export(spool, folder(stick))

    assert {} == files(stick)


def test_a_full_stick_ends_with_what_is_whole(spool, stick, monkeypatch):
    """The first recording is there with its digests, the second not at all."""
    first = sealed(spool, ONE)
    sealed(spool, TWO)
    sink = folder(stick)
    rooms = iter([True, False])

    def room_for(_):
        if not next(rooms):
            raise ExportFull("the stick has no room")

    monkeypatch.setattr(sink, "room_for", room_for)

    with pytest.raises(ExportFull):
        export(spool, sink)

    assert {first.id, "MANIFEST.sha256"} == {path.name for path in stick.iterdir()}
    assert sums_hold(stick)


def test_no_room_is_told_before_a_byte_is_written(stick):
    """The kernel's own figure is believed."""
    with pytest.raises(ExportFull, match="no room"):
        folder(stick).room_for([1 << 60])


def test_a_file_too_large_for_the_file_system_is_told(stick):
    """FAT32 ends at 4 GiB; here a limit of the process stands in for it."""
    sink = folder(stick)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ExportUnfit, match="takes no file that large") as told:
            sink.put("e/audio.opus", 2000, "", [b"x" * 2000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert "exFAT" in (told.value.hint or "")
    assert [] == list((stick / "e").iterdir())


def test_one_that_is_too_large_does_not_stop_the_others(spool, stick):
    """It fails with its reason; a tar is spoiled as a whole and leaves nothing."""
    large, small = sealed(spool, ONE), spool.begin(tiny())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    partial = spool.partial(small.id, 0)
    partial.append(b"x")
    spool.finish_medium(small.id, 0, partial)
    spool.seal(small.id)
    sink, packed = folder(stick), tar(stick / "x.tar")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        outcomes = {each.entry: each.outcome for each in export(spool, sink)}
        with pytest.raises(ExportFailed):
            export(spool, packed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert {large.id: Outcome.FAILED, small.id: Outcome.WRITTEN} == outcomes
    assert sums_hold(stick)
    assert [] == list(stick.glob("x.tar*"))


def tiny():
    (medium, _) = recording("09" * 16).media
    return replace(recording("09" * 16), media=(replace(medium, size_bytes=1, sha256=None),))


def test_damage_on_our_disk_is_told_and_not_carried_on(spool, stick):
    """The damaged one fails alone, and has no folder."""
    first, second = sealed(spool, ONE), sealed(spool, TWO)
    (spool.root / "sealed" / first.id / "audio.opus").write_bytes(b"x" * len(AUDIO))

    failed, written = export(spool, folder(stick))

    assert Outcome.FAILED == failed.outcome
    assert Outcome.WRITTEN == written.outcome
    assert {second.id, "MANIFEST.sha256"} == {path.name for path in stick.iterdir()}


def test_what_was_quarantined_while_it_was_pulled_is_rescued_as_it_is(spool, stick):
    """Half a recording is better than none; it says that it is not complete."""
    entry = spool.begin(ONE)
    partial = spool.partial(entry.id, 0)
    partial.append(AUDIO[:1000])
    partial.close()
    spool.quarantine(entry.id, "digest mismatch")

    (rescued,) = export(spool, folder(stick))
    told = exports.decode((stick / entry.id / "recording.json").read_bytes())

    assert (Outcome.WRITTEN, False) == (rescued.outcome, rescued.complete)
    assert (False, "digest mismatch") == (told.complete, told.why)
    assert AUDIO[:1000] == (stick / entry.id / "audio.opus").read_bytes()
    assert 1 == len(told.media)


def test_what_the_agent_releases_meanwhile_is_no_failure(spool, stick):
    """It was listed, and is in the cloud when its turn comes."""
    entry = stored(spool, ONE)
    with read_only(spool.root) as reader:
        listed = reader.entries()
        exporter = Exporter(
            reader=reader,
            layout=Layout(spool.root),
            sink=folder(stick),
            now=lambda: NOON,
            step=lambda _: None,
        )
        spool.release(entry.id)
        (gone,) = exporter.run(listed)

    assert Outcome.IN_CLOUD == gone.outcome


def test_what_moves_meanwhile_is_found_again(spool, stick):
    """Quarantined between the list and its turn: its folder is another one."""
    entry = sealed(spool, ONE)
    with read_only(spool.root) as reader:
        listed = reader.entries()
        exporter = Exporter(
            reader=reader,
            layout=Layout(spool.root),
            sink=folder(stick),
            now=lambda: NOON,
            step=lambda _: None,
        )
        spool.quarantine(entry.id, "x")
        (found,) = exporter.run(listed)

    assert (Outcome.WRITTEN, True) == (found.outcome, found.complete)


def test_names_are_fit_for_fat(spool, stick):
    """A recorder's own names, `../../x` here, become no path."""
    sealed(spool, ONE)
    export(spool, folder(stick))

    assert all(set(path.name) <= set("0123456789abcdefghijklmnopqrstuvwxyzMANIFEST.-")
               for path in stick.rglob("*"))  # fmt: skip


def test_somebody_elses_manifest_is_left_alone(spool, stick):
    """A file of that name that is not ours is not added to."""
    stick.mkdir()
    (stick / "MANIFEST.sha256").write_text("hello\n")

    with pytest.raises(ExportFailed, match="not one of Fieldpost's"):
        folder(stick)


def test_a_tar_holds_the_same(spool, tmp_path, stick):
    """Unpacked it is what the folder is."""
    sealed(spool, ONE)
    export(spool, folder(stick))
    sink = tar(tmp_path / "x.tar")
    export(spool, sink)
    sink.give_up()
    with tarfile.open(tmp_path / "x.tar") as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")

    assert files(stick) == files(tmp_path / "unpacked" / "fieldpost-export")
    assert not (tmp_path / "x.tar.part").exists()


def test_a_tar_goes_down_a_pipe(spool):
    """Nothing but the tar is written to it."""
    sealed(spool, ONE)
    pipe = io.BytesIO()
    export(spool, tar(None, pipe))
    pipe.seek(0)
    with tarfile.open(fileobj=pipe, mode="r|") as packed:
        names = [member.name.rpartition("/")[2] for member in packed]

    assert ["audio.opus", "0001.jpg", "recording.json", "MANIFEST.sha256"] == names


def test_a_tar_is_never_overwritten(tmp_path):
    """It may be the only copy of something."""
    (tmp_path / "x.tar").write_bytes(b"precious")

    with pytest.raises(ExportFailed, match="there already"):
        tar(tmp_path / "x.tar")


def test_a_tar_that_is_given_up_leaves_nothing(tmp_path):
    """No half file, under no name."""
    sink = tar(tmp_path / "x.tar")
    sink.put("e/f", 3, "", [b"abc"])
    sink.give_up()

    assert [] == list(tmp_path.iterdir())


def test_a_reader_that_went_away_is_a_failure(spool):
    """A tar that nobody took whole must not end with 0."""
    sealed(spool, ONE)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb", buffering=0) as pipe:
        sink = tar(None, pipe)
        with pytest.raises(ExportFailed, match="gone"):
            export(spool, sink)
        sink.give_up()


def test_the_manifest_tells_people_why_it_waited(spool, stick):
    """Reason, digests and times stand in plain JSON."""
    entry = sealed(spool, ONE)
    spool.quarantine(entry.id, "siro takes no images")
    export(spool, folder(stick))
    told = json.loads((stick / entry.id / "recording.json").read_text())

    assert ("quarantined", "siro takes no images") == (told["state"], told["why"])
    assert hashlib.sha256(AUDIO).hexdigest() == told["media"][0]["sha256"]
