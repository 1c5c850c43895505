"""Quarantine, verification, and an index that is lost, damaged, or from the future."""

import os
import sqlite3
import subprocess
import sys

import cbor2
import pytest

from device.errors import IllegalMove, SpoolError, SpoolLocked, SpoolTooNew
from device.model import Evidence, State
from device.spool import schema
from device.spool.rebuild import rebuild
from device.spool.spool import Spool
from tests.device.spool.recordings import pull, receipt, recording, sealed, stored


def flip(path, at=100):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def problems(spool):
    return {checked.file: checked.problem for checked in spool.verify() if checked.problem}


def test_a_quarantined_recording_keeps_its_bytes_and_goes_back(spool):
    """It lies out of the way with its reason, and a requeue puts it where it was."""
    entry = sealed(spool)
    spool.save_wait(entry.id, None, attempts=5)
    away = spool.quarantine(entry.id, "the cloud refuses it")
    lies_at = spool.root / "quarantine" / entry.id / "audio.opus"
    was_there = lies_at.exists()
    back = spool.requeue(entry.id)

    assert (State.QUARANTINED, "the cloud refuses it") == (away.state, away.quarantine_reason)
    assert was_there
    assert (State.SEALED, None, 0) == (back.state, back.quarantine_reason, back.attempts)
    assert spool.media_path(entry.id, 0).exists()


def test_a_half_pulled_recording_goes_on_after_quarantine(spool):
    """What was pulled before the quarantine is not pulled again."""
    entry = spool.begin(recording())
    partial = spool.partial(entry.id, 0)
    partial.append(b"x" * 1000)
    spool.quarantine(entry.id, "a person must look")
    spool.requeue(entry.id)

    assert State.PULLING is spool.entry(entry.id).state
    assert 1000 == spool.partial(entry.id, 0).durable_bytes


def test_what_is_stored_is_never_quarantined(spool):
    """There is nothing wrong with it any more."""
    with pytest.raises(IllegalMove):
        spool.quarantine(stored(spool).id, "no")


def test_a_requeue_of_a_waiting_entry_ends_its_wait(spool):
    """An operator may say: try it now."""
    entry = sealed(spool)
    spool.save_wait(entry.id, None, attempts=7)

    assert (State.SEALED, 0) == ((back := spool.requeue(entry.id)).state, back.attempts)


def test_a_requeue_of_what_waits_keeps_what_is_up(spool):
    """Only what was put aside is sent anew."""
    entry = sealed(spool)
    spool.save_cloud_ref(entry.id, {"recording_id": "rec_1"})
    spool.save_evidence(entry.id, 0, Evidence(status=200))
    back = spool.requeue(entry.id)

    assert ({"recording_id": "rec_1"}, Evidence(status=200), 0) == (
        back.cloud_ref,
        back.media[0].evidence,
        back.resent_bytes,
    )


def test_a_requeue_forgets_all_or_nothing(spool, monkeypatch):
    """A power cut within leaves the recording in quarantine, with all that was known of it."""
    entry = sealed(spool)
    spool.save_evidence(entry.id, 0, Evidence(status=200))
    away = spool.quarantine(entry.id, "deleted in the cloud")
    monkeypatch.setattr("device.spool.changes.anew", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        spool.requeue(entry.id)

    assert away == spool.entry(entry.id)


def test_verify_finds_a_flipped_byte(spool):
    """One wrong bit in one medium is found, and the others are said to be well."""
    entry = sealed(spool)
    flip(spool.media_path(entry.id, 0))
    checked = {each.file: each for each in spool.verify()}

    assert {"audio.opus", "0001.jpg", "manifest.cbor"} == set(checked)
    assert "digest" in checked["audio.opus"].problem
    assert 40_000 == checked["audio.opus"].bytes
    assert checked["0001.jpg"].problem is checked["manifest.cbor"].problem is None


def test_verify_finds_missing_and_short_files_and_false_records(spool):
    """Every way in which a file may differ has its own sentence."""
    first, second = stored(spool, recording("01" * 16)), sealed(spool, recording("02" * 16))
    spool.media_path(first.id, 0).unlink()
    (spool.root / "sealed" / first.id / "receipt.cbor").unlink()
    spool.media_path(first.id, 1).write_bytes(b"short")
    flip(spool.root / "sealed" / second.id / "manifest.cbor", 30)

    assert {
        "audio.opus": "the file is missing",
        "0001.jpg": "the file has 5 bytes instead of 3000",
        "receipt.cbor": "the receipt is missing or not the one that was kept",
    }.items() <= (found := problems(spool)).items()
    assert "manifest.cbor" in found


def test_a_rebuild_restores_the_same_entries_from_manifests_alone(reopen, config, clock):
    """Sealed, stored, released and quarantined recordings are what they were."""
    spool = reopen()
    sealed(spool, recording("01" * 16))
    stored(spool, recording("02" * 16))
    spool.release(stored(spool, recording("03" * 16)).id)
    spool.quarantine(sealed(spool, recording("04" * 16)).id, "a reason")
    spool._moves.purge(stored(spool, recording("05" * 16)))
    before = {entry.id: entry for entry in spool.entries()}
    manifests = {entry: spool.manifest(entry) for entry in before}
    spool.close()
    report = rebuild(config, clock)
    again = reopen()
    after = {entry.id: entry for entry in again.entries()}

    assert (4, 1, ()) == (len(report.restored), report.tombstones, report.left)
    assert report.aside.exists()
    assert {(e.id, e.state, e.receipt, e.purged) for e in before.values()} == {
        (e.id, e.state, e.receipt, e.purged) for e in after.values()
    }
    assert manifests == {entry: again.manifest(entry) for entry in after}
    assert {} == problems(again)


def test_a_released_recording_is_known_after_a_rebuild(reopen, config, clock):
    """A recorder that keeps what it has does not get it into the cloud a second time."""
    spool = reopen()
    spool.release(stored(spool).id)
    spool.close()
    rebuild(config, clock)
    spool = reopen()

    assert State.RELEASED is spool.known(recording().key).state
    assert State.RELEASED is spool.begin(recording()).state


def test_a_half_pulled_recording_goes_on_after_a_rebuild(reopen, config, clock):
    """Its folder is kept; the recorder's next listing finds it, with nothing vouched for."""
    spool = reopen()
    entry = spool.begin(recording())
    spool.partial(entry.id, 0).append(b"x" * 1000)
    spool.close()
    report = rebuild(config, clock)
    spool = reopen()
    spool.begin(recording())
    partial = spool.partial(entry.id, 0)

    assert [entry.id] == [left.folder.name for left in report.left]
    assert (1000, 0) == (partial.size_bytes, partial.durable_bytes)


@pytest.mark.parametrize("damage", ["garbage", "page", "row", "emptied"])
def test_a_damaged_index_is_kept_aside_and_rebuilt(damage, reopen, config, caplog):
    """The agent starts all the same, says so, and nothing sealed is lost."""
    spool = reopen()
    for number in range(30):
        spool.begin(recording(f"{number:032x}"))
    entry = sealed(spool)
    spool.close()
    database = config.path / "spool.db"
    if damage == "garbage":
        database.write_bytes(b"this is no database, whatever its name says" * 100)
    elif damage == "page":
        content = bytearray(database.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        database.write_bytes(content)
    elif damage == "row":
        connection = sqlite3.connect(database)
        connection.execute("UPDATE entry SET recording_json = x'7b' WHERE seq = 3")
        connection.commit()
        connection.close()
    else:
        database.write_bytes(b"")
    again = reopen()

    assert [entry.id] == [held.id for held in again.entries(State.SEALED)]
    assert {} == problems(again)
    if damage != "emptied":  # an empty file is a new index, and needs no keeping
        assert (config.path / "spool.db.damaged-1").exists()
        assert "damaged" in caplog.text


def test_an_index_from_a_newer_program_is_left_alone(reopen, config, clock):
    """Neither opening nor reading touches what a later release wrote."""
    spool = reopen()
    sealed(spool)
    spool.close()
    database = config.path / "spool.db"
    connection = sqlite3.connect(database)
    connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    connection.close()
    before = database.read_bytes()
    with pytest.raises(SpoolTooNew):
        Spool.open(config, clock)

    assert before == database.read_bytes()
    assert [] == list(config.path.glob("spool.db.damaged-*"))


def test_a_manifest_from_a_newer_program_is_left_alone(reopen, config, clock):
    """A sealed folder that cannot be understood stays where it is and is reported."""
    spool = reopen()
    folder = config.path / "sealed" / sealed(spool).id
    spool.close()
    plain = cbor2.loads((folder / "manifest.cbor").read_bytes())
    (folder / "manifest.cbor").write_bytes(cbor2.dumps({**plain, "schema_version": 2}))
    report = rebuild(config, clock)

    assert [folder] == [left.folder for left in report.left]
    assert (folder / "audio.opus").exists()


def test_a_spool_has_one_holder(spool, config, clock):
    """A second agent is refused with the process that holds it."""
    with pytest.raises(SpoolLocked, match=str(os.getpid())):
        Spool.open(config, clock)


def test_a_spool_held_by_another_process_is_refused(config, clock):
    """The lock holds between processes, and falls with its holder."""
    code = (
        "import sys; from pathlib import Path; from device.spool.lock import Lock\n"
        "lock = Lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    config.path.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", code, config.path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        holder.stdout.readline()
        with pytest.raises(SpoolLocked, match=f"process {holder.pid}"):
            Spool.open(config, clock)
        holder.kill()
    Spool.open(config, clock).close()


def test_close_can_be_called_twice_and_ends_everything(reopen):
    """After closing, nothing can be changed."""
    spool = reopen()
    spool.close()
    spool.close()

    with pytest.raises(SpoolError, match="closed"):
        spool.begin(recording())


def test_a_sealed_entry_that_lost_a_medium_is_quarantined_and_pulled_again(reopen, config):
    """The start says what is lost; a requeue pulls just that."""
    spool = reopen()
    entry = sealed(spool)
    spool.close()
    (config.path / "sealed" / entry.id / "0001.jpg").unlink()
    spool = reopen()
    found = spool.entry(entry.id)
    back = spool.requeue(entry.id)
    pull(spool, recording())

    assert State.QUARANTINED is found.state
    assert "0001.jpg is missing" in found.quarantine_reason
    assert State.PULLING is back.state
    assert [40_000, 0] == [medium.pulled_bytes for medium in back.media]
    assert State.SEALED is spool.seal(entry.id).state


def test_a_damaged_manifest_is_written_again_from_the_index(reopen, config):
    """Each can mend the other."""
    spool = reopen()
    entry = sealed(spool)
    spool.close()
    (config.path / "sealed" / entry.id / "manifest.cbor").write_bytes(b"\xff")
    spool = reopen()

    assert {} == problems(spool)


def test_a_sealed_folder_without_a_manifest_is_put_out_of_the_way(reopen, config, clock):
    """Nothing half-written stays under sealed/, and no byte of it is deleted."""
    spool = reopen()
    entry = sealed(spool)
    spool.close()
    (config.path / "sealed" / entry.id / "manifest.cbor").unlink()
    report = rebuild(config, clock)

    assert [config.path / "quarantine" / entry.id] == [left.folder for left in report.left]
    assert (config.path / "quarantine" / entry.id / "audio.opus").exists()


def test_what_lies_in_the_way_is_kept(spool):
    """A folder that belongs to nobody is renamed, never overwritten."""
    entry = sealed(spool)
    stranger = spool.root / "quarantine" / entry.id
    stranger.mkdir()
    (stranger / "found").write_bytes(b"?")
    spool.quarantine(entry.id, "a reason")

    assert b"?" == (stranger.with_name(f"{entry.id}.kept-1") / "found").read_bytes()
    assert (stranger / "audio.opus").exists()


def test_a_stored_entry_whose_media_are_gone_is_still_stored(reopen, config):
    """They are in the cloud; a start takes note and goes on."""
    spool = reopen()
    entry = stored(spool)
    spool.close()
    (config.path / "sealed" / entry.id / "audio.opus").unlink()
    spool = reopen()

    assert (State.STORED, True) == ((held := spool.entry(entry.id)).state, held.purged)
    assert State.RELEASED is spool.release(entry.id).state


def test_a_lost_receipt_file_is_written_again(reopen, config):
    """The index has it too."""
    spool = reopen()
    entry = stored(spool)
    spool.close()
    (config.path / "sealed" / entry.id / "receipt.cbor").unlink()
    spool = reopen()

    assert {} == problems(spool)
    assert receipt() == spool.entry(entry.id).receipt


def test_a_manifest_of_another_entry_is_not_believed(reopen, config, clock):
    """A folder is what its name and its manifest agree on."""
    spool = reopen()
    entry = sealed(spool)
    spool.close()
    (config.path / "sealed" / entry.id).rename(config.path / "sealed" / ("0" * 32))
    report = rebuild(config, clock)

    assert ["0" * 32] == [left.folder.name for left in report.left]
    assert "holds the manifest of" in report.left[0].reason
