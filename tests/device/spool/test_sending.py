"""What uploads keep in the spool: references, sessions, waits, figures, receipts, releases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from device.errors import IllegalMove
from device.model import Evidence, State, Target, UploadSession, Wait
from device.spool.spool import Spool
from tests.device.spool.recordings import NOON, receipt, recording, sealed, stored

SESSION = UploadSession(
    target=Target(
        url="https://store.example/x?signature=secret",
        headers=(("Content-Type", "audio/ogg"),),
        expires_in_s=900.0,
        protocol="chunked_put",
        ref={"media_id": "m1"},
    ),
    protocol="chunked_put",
    state={"offset": "262144"},
)


def test_all_that_an_upload_keeps_survives_a_restart(reopen):
    """References, sessions, evidence, waits and figures are there again after a restart."""
    spool = reopen()
    entry = sealed(spool).id
    wait = Wait(code="cloud-unwell", reason="the cloud is unwell", until=NOON)
    spool.save_cloud_ref(entry, {"recording_id": "rec_1"})
    spool.save_session(entry, 0, SESSION)
    spool.save_evidence(entry, 1, Evidence(status=200, etag='"abc"'))
    spool.save_wait(entry, wait, attempts=3)
    spool.count_resent(entry, 10)
    spool.count_resent(entry, 5)
    spool.count_reread(entry, 7)
    again = reopen()
    held = again.entry(entry)

    assert {"recording_id": "rec_1"} == held.cloud_ref
    assert [SESSION, None] == [medium.session for medium in held.media]
    assert [None, Evidence(status=200, etag='"abc"')] == [m.evidence for m in held.media]
    assert (wait, 3) == (held.wait, held.attempts)
    assert (15, 7) == (held.resent_bytes, held.reread_bytes)


def test_what_was_kept_can_be_dropped(spool):
    """None takes a session, an evidence or a wait away."""
    entry = sealed(spool).id
    spool.save_session(entry, 0, SESSION)
    spool.save_session(entry, 0, None)
    spool.save_evidence(entry, 0, Evidence(status=200))
    spool.save_evidence(entry, 0, None)
    spool.save_wait(entry, Wait(code="x", reason="y"), attempts=1)
    spool.save_wait(entry, None, attempts=0)
    held = spool.entry(entry)

    assert (None, None, None) == (held.wait, held.media[0].session, held.media[0].evidence)


def test_a_cooldown_from_a_wrong_clock_ends(spool, clock):
    """After the clock stepped back ten years, a cool-down still ends within a day."""
    spool.save_cooldown("https://api.example", clock.now() + timedelta(hours=1), "slow down")
    clock.step(-10 * 365 * 86_400)
    seen = []
    for _ in range(25):
        seen.append(spool.cooldown("https://api.example") is not None)
        clock.advance(3600)

    assert [True] * 24 + [False] == seen


def test_a_cooldown_passes(spool, clock):
    """An origin is left alone until its time, for the reason that was kept."""
    until = NOON + timedelta(minutes=10)
    spool.save_cooldown("https://api.example", until, "asked to slow down")
    during = spool.cooldown("https://api.example")
    clock.advance(600)

    assert Wait(code="cooldown", reason="asked to slow down", until=until) == during
    assert spool.cooldown("https://api.example") is None
    assert spool.cooldown("https://other.example") is None


def test_a_cooldown_can_be_ended(spool):
    """None ends it at once."""
    spool.save_cooldown("https://api.example", NOON + timedelta(hours=1), "slow")
    spool.save_cooldown("https://api.example", None, "")

    assert spool.cooldown("https://api.example") is None


def test_a_clock_that_stepped_back_parks_nothing_for_years(spool, clock):
    """A cool-down is never longer than a day from now, whatever the clock said before."""
    spool.save_cooldown("https://api.example", NOON + timedelta(minutes=1), "slow")
    clock.step(-50 * 365 * 86_400)

    assert clock.now() + timedelta(hours=24) == spool.cooldown("https://api.example").until


def test_a_stored_entry_has_its_receipt_beside_its_manifest(spool):
    """The receipt is a file too, so that no rebuild forgets it."""
    entry = stored(spool)

    assert State.STORED is entry.state
    assert receipt() == entry.receipt
    assert (spool.root / "sealed" / entry.id / "receipt.cbor").exists()
    assert entry == spool.store(entry.id, receipt("another"))


def test_a_stored_entry_keeps_no_upload_url(spool):
    """The URL is a bearer secret and of no more use."""
    entry = sealed(spool).id
    spool.save_session(entry, 0, SESSION)
    spool.store(entry, receipt())

    assert spool.entry(entry).media[0].session is None


def test_nothing_is_released_without_a_receipt(spool):
    """A sealed entry cannot be released, and stays as it is."""
    entry = sealed(spool)
    with pytest.raises(IllegalMove):
        spool.release(entry.id)

    assert entry == spool.entry(entry.id)
    assert spool.media_path(entry.id, 0).exists()


def test_nothing_is_stored_before_it_is_sealed(spool):
    """A receipt for what is still being pulled is refused."""
    entry = spool.begin(recording())

    with pytest.raises(IllegalMove):
        spool.store(entry.id, receipt())


def test_a_released_entry_leaves_a_tombstone_and_no_bytes(spool):
    """Its media are deleted; the entry is remembered, and releasing again changes nothing."""
    entry = stored(spool)
    released = spool.release(entry.id)

    assert State.RELEASED is released.state
    assert released == spool.known(recording().key) == spool.begin(recording())
    assert released == spool.release(entry.id)
    assert [] == list((spool.root / "sealed").iterdir())
    with pytest.raises(IllegalMove):
        spool.media_path(entry.id, 0)


def test_entries_come_oldest_first_and_by_state(spool):
    """The order is that of their beginning, not of their clock."""
    first = spool.begin(recording("01" * 16))
    second = sealed(spool, recording("02" * 16))
    third = spool.begin(replace(recording("03" * 16), started_at=None))

    assert [first, second, third] == spool.entries()
    assert [first, third] == spool.entries(State.PULLING)
    assert [second] == spool.entries(State.SEALED, State.STORED)


def test_room_is_made_by_purging_what_is_stored_oldest_first(config, clock):
    """Media of stored entries go, as many as needed; unsent ones stay, however full it is."""
    spool = Spool.open(replace(config, max_bytes=130_000), clock)
    try:
        old = stored(spool, recording("01" * 16))
        new = stored(spool, recording("02" * 16))
        unsent = sealed(spool, recording("03" * 16))
        spool.room_for(40_000)

        assert [True, False, False] == [spool.entry(e.id).purged for e in (old, new, unsent)]
        assert not (spool.root / "sealed" / old.id / "audio.opus").exists()
        assert (spool.root / "sealed" / old.id / "receipt.cbor").exists()
        assert spool.media_path(unsent.id, 0).exists()
        with pytest.raises(IllegalMove):
            spool.media_path(old.id, 0)
    finally:
        spool.close()


def test_media_are_not_purged_when_their_receipt_is_not_on_the_disk(spool):
    """Only what is proven to be stored may go."""
    entry = stored(spool)
    (spool.root / "sealed" / entry.id / "receipt.cbor").write_bytes(b"damaged")

    assert spool._moves.purge(entry) is False
    assert spool.media_path(entry.id, 0).exists()


def test_a_purged_entry_can_still_be_released(spool):
    """Making room does not stop the recorder from being told."""
    entry = stored(spool)
    spool._moves.purge(entry)

    assert State.RELEASED is spool.release(entry.id).state
    assert [] == list((spool.root / "sealed").iterdir())


def test_what_is_handed_in_is_durable_when_it_is_done(reopen):
    """Sessions of several media, and evidence with its cost, are there again after a restart."""
    spool = reopen()
    entry = sealed(spool).id
    spool.save_sessions(entry, {0: SESSION, 1: SESSION}).result(10)
    landed = spool.save_landed(entry, 1, Evidence(status=200), resent_bytes=7)
    landed.result(10)
    again = reopen()
    held = again.entry(entry)

    assert [SESSION, SESSION] == [medium.session for medium in held.media]
    assert [None, Evidence(status=200)] == [medium.evidence for medium in held.media]
    assert 7 == held.resent_bytes


def test_sessions_of_many_media_are_all_saved_or_none(spool):
    """A medium that is not there keeps the session of none."""
    entry = sealed(spool).id
    handed_in = spool.save_sessions(entry, {0: SESSION, 9: SESSION})

    assert isinstance(handed_in.exception(10), IllegalMove)
    assert spool.entry(entry).media[0].session is None
