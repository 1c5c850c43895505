"""`status` and `spool …` on a real spool."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import (
    Entry,
    Evidence,
    MediaKind,
    Medium,
    Receipt,
    RecorderId,
    Recording,
    RecordingKey,
    Spent,
    Wait,
)
from device.spool.spool import Spool


@pytest.fixture
def spool(site):
    """The site's spool, held as by a running agent."""
    held = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    yield held
    held.close()


@pytest.fixture
def filled(spool, tmp_path) -> list[Entry]:
    """Three sealed recordings; the spool is released again."""
    entries = [ingest(spool, tmp_path, name) for name in ("one", "two", "three")]
    spool.close()
    return entries


def ingest(spool: Spool, folder, name: str) -> Entry:
    file = folder / f"{name}.opus"
    file.write_bytes(b"OggS" + name.encode() * 100)
    medium = Medium(
        index=0,
        name=file.name,
        kind=MediaKind.AUDIO,
        content_type="audio/opus",
        size_bytes=file.stat().st_size,
    )
    key = RecordingKey(recorder=RecorderId("native:AM-07"), recording=name, generation=0)
    return spool.ingest(Recording(key=key, media=(medium,)), [file])


def later(**passed) -> datetime:
    return datetime.now(UTC) + timedelta(**passed)


def test_status_without_a_spool_says_so_and_is_no_error(fieldpost):
    """A machine that never pulled has an empty status."""
    said = fieldpost("status")

    assert 0 == said.code
    assert "nothing was pulled yet" in said.out


def test_status_without_a_spool_makes_none(fieldpost, site):
    """Looking changes nothing on disk."""
    fieldpost("status", "--json")

    assert not site.spool.exists()


def test_status_tells_that_the_agent_runs(fieldpost, spool):
    """While the lock is held the agent runs; otherwise it does not."""
    during = json.loads(fieldpost("status", "--json").out)
    spool.close()
    after = json.loads(fieldpost("status", "--json").out)

    assert (True, False) == (during["agent"]["running"], after["agent"]["running"])


def test_status_puts_warnings_first(fieldpost, spool, tmp_path):
    """Cool-downs and quarantine stand above everything else."""
    entry = ingest(spool, tmp_path, "one")
    spool.quarantine(entry.id, "digest mismatch")
    spool.save_cooldown("https://h", later(minutes=6, seconds=30), "it asked to slow down")

    lines = fieldpost("status").out.splitlines()

    assert [
        "[!!] uploads to https://h pause: it asked to slow down; next try in 6 min",
        "[!!] 1 recording is quarantined; see: fieldpost quarantine ls",
    ] == lines[:2]


def test_status_claims_nothing_of_what_is_quarantined(fieldpost, spool, tmp_path):
    """What is set aside is no backlog, and yet not in the cloud."""
    spool.quarantine(ingest(spool, tmp_path, "one").id, "digest mismatch")

    assert "backlog  none, but what is quarantined is not in the cloud\n" in fieldpost("status").out


def test_looking_repeats_no_warnings_of_the_configuration(fieldpost, site):
    """What `config check` and sending commands say once is not said at every look."""
    with site.config.open("a") as file:
        file.write(f'[cloud.images]\napi = "sivi"\ntoken_file = "{site.spool.parent}/sivi"\n')
        file.write(f'[[recorders]]\nurl = "folder://{site.spool.parent}"\n')

    assert "put aside" in fieldpost("config", "show").err
    assert ("", "") == (fieldpost("status").err, fieldpost("spool", "ls").err)


def test_status_warns_about_a_full_disk(fieldpost, site):
    """Too little room is told before it is met."""
    site.config.write_text(f'[spool]\npath = "{site.spool}"\nmin_free_bytes = {2**62}\n')

    assert fieldpost("status").out.startswith("[!!] the disk is full")


def test_status_says_what_to_do_about_a_refused_token(fieldpost, spool, site):
    """Whoever reads it at night learns which file wants what."""
    spool.save_cooldown("token", later(minutes=6, seconds=30), "HTTP 401")
    remedy = f"the token file is {site.spool.parent}/token"
    (warning,) = json.loads(fieldpost("status", "--json").out)["warnings"]

    assert f"all uploads pause: HTTP 401; {remedy}; next try in 6 min" == warning


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("serial://{}/ttyACM0?baud=9600", "plug the recorder in and switch it on"),
        ("folder://{}/recordings", "create or mount the folder"),
    ],
)
def test_status_names_a_recorder_that_is_not_there(fieldpost, site, tmp_path, url, remedy):
    """An empty backlog means little while a recorder is unplugged."""
    url = url.format(tmp_path)
    with site.config.open("a") as file:
        file.write(f'[[recorders]]\nurl = "{url}"\n')

    assert [f"{url}: not there; {remedy}"] == json.loads(fieldpost("status", "--json").out)[
        "warnings"
    ]


def test_status_is_silent_about_a_folder_that_is_there(fieldpost, site, tmp_path):
    """Escapes in the URL are undone first."""
    (tmp_path / "my recordings").mkdir()
    with site.config.open("a") as file:
        file.write(f'[[recorders]]\nurl = "folder://{tmp_path}/my%20recordings"\n')

    assert [] == json.loads(fieldpost("status", "--json").out)["warnings"]


def test_status_does_not_take_an_announced_size_for_bytes_held(fieldpost, spool, site, tmp_path):
    """A recording that was begun and found no room leaves the spool empty, and says so."""
    site.config.write_text(f'[spool]\npath = "{site.spool}"\nmin_free_bytes = 0\nmax_bytes = 99\n')
    medium = Medium(
        index=0, name="a", kind=MediaKind.AUDIO, content_type="audio/opus", size_bytes=2048
    )
    key = RecordingKey(recorder=RecorderId("native:AM-07"), recording="one", generation=0)
    entry = spool.begin(Recording(key=key, media=(medium,)))
    spool.save_wait(entry.id, Wait(code="spool-full", reason="no room"), attempts=0)

    assert [
        "1 recording finds no room in the spool; restore the uplink, or raise [spool] max_bytes"
    ] == json.loads(fieldpost("status", "--json").out)["warnings"]


def test_a_passed_cooldown_is_no_warning(fieldpost, spool):
    """What is over is not told."""
    spool.save_cooldown("https://h", later(minutes=-6), "it asked to slow down")

    assert [] == json.loads(fieldpost("status", "--json").out)["warnings"]


def test_status_says_why_and_when_in_80_columns(fieldpost, spool, tmp_path, site):
    """Each waiting recording has its reason in full and its next time in relative words."""
    entry = ingest(spool, tmp_path, "one")
    reason = "the cloud answered 503 " * 6
    wait = Wait(code="cloud-unwell", reason=reason.strip(), until=later(hours=2, seconds=30))
    spool.save_wait(entry.id, wait, attempts=3)

    out = fieldpost("status").out

    assert f"{entry.id[:12]}  sealed" in out
    assert "next try in 2 h" in out
    assert 6 == " ".join(out.split()).count("the cloud answered 503")
    assert [] == [line for line in out.replace(str(site.spool), "").splitlines() if len(line) > 80]


def test_status_counts_states_by_recorder(fieldpost, filled):
    """Programs get one object per recorder with a number for every state."""
    document = json.loads(fieldpost("status", "--json").out)

    assert [
        {
            "recorder": "native:AM-07",
            "pulling": 0,
            "sealed": 3,
            "stored": 0,
            "released": 0,
            "quarantined": 0,
            "last_seen": None,
        }
    ] == document["recorders"]
    assert 3 == document["backlog"]["recordings"]
    assert sum(entry.size_bytes for entry in filled) == document["backlog"]["bytes"]


def test_status_tells_what_left_today(fieldpost, spool, tmp_path):
    """Bytes sent today include those sent twice."""
    ingest(spool, tmp_path, "one")
    today = datetime.now().astimezone().date()
    spool.spend(today, Spent(kind="wifi", costs=False, sent_bytes=2048))

    assert "data     today 2.0 KiB over Wi-Fi\n" in fieldpost("status").out


def test_ls_lists_what_is_not_released(fieldpost, filled):
    """One row per recording, oldest first, with the beginning of its id."""
    lines = fieldpost("spool", "ls").out.splitlines()

    assert "ENTRY         STATE   MEDIA   SIZE  BEGUN" == lines[0].partition("  RECORDER")[0]
    assert [entry.id[:12] for entry in filled] == [line.split()[0] for line in lines[1:]]


@pytest.mark.parametrize("columns", [80, None])
def test_ls_tells_every_reason_whole(fieldpost, spool, tmp_path, monkeypatch, columns):
    """Below its row at 80 columns, in one line on a pipe; never cut."""
    monkeypatch.setattr("device.cli.cmd_spool_ls.width", lambda: columns)
    reason = "the store refuses the upload: HTTP 403: AccessDenied: the bucket is not ours"
    entries = [ingest(spool, tmp_path, name) for name in ("one", "two")]
    spool.quarantine(entries[0].id, reason)

    head, row, *more = fieldpost("spool", "ls").out.splitlines()

    assert ("ENTRY", entries[0].id[:12]) == (head.split()[0], row.split()[0])
    assert reason == (" ".join(line.strip() for line in more[:-1]) if columns else row[-76:])
    assert columns is None or max(map(len, (head, row, *more))) <= columns
    assert more[-1].startswith(entries[1].id[:12])


def test_ls_says_where_released_recordings_are(fieldpost, spool):
    """Nothing to list is no error, and the released are a word away."""
    said = "nothing waits; for what is released: fieldpost spool ls --all\n"

    assert said == fieldpost("spool", "ls").out
    assert "none\n" == fieldpost("spool", "ls", "--all").out


def test_show_says_how_what_is_quarantined_goes_on(fieldpost, spool, tmp_path):
    """The reason alone leaves people with a recording that nobody touches."""
    entry = ingest(spool, tmp_path, "one")
    spool.quarantine(entry.id, "siro takes no images")
    then = f"once the cause is gone: fieldpost spool requeue {entry.id[:12]}\n"

    assert f"then       {then}" in fieldpost("spool", "show", entry.id).out


def test_ls_filters_by_state(fieldpost, filled):
    """--state shows nothing else."""
    said = fieldpost("spool", "ls", "--state", "pulling", "--json")

    assert {"schema": 1, "entries": []} == json.loads(said.out)


def test_show_takes_the_beginning_of_an_id(fieldpost, filled):
    """A unique beginning is enough."""
    document = json.loads(fieldpost("spool", "show", filled[1].id[:8], "--json").out)

    assert filled[1].id == document["entry"]["id"]
    assert filled[1].media[0].sha256 == document["entry"]["media"][0]["sha256"]


def test_show_refuses_a_beginning_that_fits_several(fieldpost, filled):
    """Nothing is guessed."""
    said = fieldpost("spool", "show", "")

    assert 2 == said.code
    assert "is the beginning of 3 entries" in said.err


def test_show_for_people_names_the_digest(fieldpost, filled):
    """The text form has every fact the person may compare."""
    out = fieldpost("spool", "show", filled[0].id).out

    assert filled[0].media[0].sha256 in out
    assert "times      not trusted" in out


def test_show_says_uploaded_of_what_has_a_receipt(fieldpost, spool, tmp_path):
    """A tombstone keeps no evidence per medium; its receipt covers them all."""
    entry = ingest(spool, tmp_path, "one")
    receipt = Receipt(cloud="bota", cloud_recording="rec_1", acknowledged_at=later())
    spool.store(entry.id, receipt)
    spool.close()

    assert json.loads(fieldpost("spool", "show", entry.id, "--json").out)["entry"]["media"][0][
        "uploaded"
    ]
    assert " yes " in fieldpost("spool", "show", entry.id).out


def test_no_session_url_is_ever_shown(fieldpost, spool, tmp_path):
    """Upload URLs are bearer secrets: neither text nor JSON holds them."""
    from device.model import Target, UploadSession  # noqa: PLC0415 - needed here alone

    entry = ingest(spool, tmp_path, "one")
    target = Target(url="https://h/k?signature=c4n4ry")
    spool.save_session(entry.id, 0, UploadSession(target=target, protocol="single_put"))

    for arguments in (["spool", "show", entry.id], ["spool", "ls"], ["status"]):
        for form in ([], ["--json"]):
            assert "c4n4ry" not in fieldpost(*arguments, *form).out


def test_verify_of_a_sound_spool_ends_with_0(fieldpost, filled):
    """Every file is read and nothing is wrong."""
    document = json.loads(fieldpost("spool", "verify", "--json").out)

    assert 0 == document["damaged"]
    assert sum(entry.size_bytes for entry in filled) == document["bytes"]


def test_verify_finds_a_flipped_bit(fieldpost, filled, site):
    """Damage ends with 1 and a row that names the file."""
    medium = next(site.spool.joinpath("sealed", filled[1].id).glob("audio*"))
    content = bytearray(medium.read_bytes())
    content[9] ^= 1
    medium.write_bytes(content)

    said = fieldpost("spool", "verify")

    assert 1 == said.code
    assert f"{filled[1].id[:12]}  {medium.name}" in said.out


def test_changes_are_refused_while_the_agent_runs(fieldpost, spool):
    """Who needs the lock and does not get it ends with 75."""
    codes = {
        fieldpost("spool", "verify").code,
        fieldpost("spool", "requeue", "--all").code,
        fieldpost("spool", "rebuild", "--yes").code,
    }

    assert {75} == codes


def test_requeue_sends_quarantined_entries_back(fieldpost, spool, tmp_path):
    """--all takes every quarantined entry, and only those."""
    entries = [ingest(spool, tmp_path, name) for name in ("one", "two")]
    spool.quarantine(entries[0].id, "digest mismatch")
    spool.close()

    said = fieldpost("spool", "requeue", "--all")

    assert f"{entries[0].id[:12]} is sealed again\n" == said.out


def test_requeue_says_that_all_is_sent_anew(fieldpost, spool, tmp_path):
    """What was on its way up counts for nothing; what an API acknowledged alone stays."""
    entries = [ingest(spool, tmp_path, name) for name in ("one", "two")]
    for entry, ref in zip(entries, ({"recording_id": "rec_1"}, {"siro.0": "r"}), strict=True):
        spool.save_cloud_ref(entry.id, ref)
        spool.save_evidence(entry.id, 0, Evidence(status=200))
        spool.quarantine(entry.id, "deleted in the cloud")
    spool.close()
    one, two = (entry.id[:12] for entry in entries)
    anew = "; what was sent of it counts for nothing any more, and all is sent anew"

    assert [f"{one} is sealed again{anew}", f"{two} is sealed again"] == fieldpost(
        "spool", "requeue", "--all"
    ).out.splitlines()


def test_requeue_says_so_to_programs_too(fieldpost, spool, tmp_path):
    """The ids of what is sent anew stand beside the entries."""
    entry = ingest(spool, tmp_path, "one")
    spool.save_evidence(entry.id, 0, Evidence(status=200))
    spool.quarantine(entry.id, "deleted in the cloud")
    spool.close()

    assert [entry.id] == json.loads(fieldpost("spool", "requeue", entry.id, "--json").out)[
        "sent_anew"
    ]


@pytest.mark.parametrize("arguments", [[], ["--all", "3f"]])
def test_requeue_wants_to_know_which(fieldpost, filled, arguments):
    """Neither nothing nor both is accepted."""
    assert 2 == fieldpost("spool", "requeue", *arguments).code


def test_requeue_of_one_clears_its_wait(fieldpost, spool, tmp_path):
    """A recording that waits for an hour is tried at once."""
    entry = ingest(spool, tmp_path, "one")
    spool.save_wait(entry.id, Wait(code="x", reason="x", until=later(hours=1)), attempts=3)
    spool.close()

    document = json.loads(fieldpost("spool", "requeue", entry.id[:6], "--json").out)

    assert (None, 0) == (document["entries"][0]["wait"], document["entries"][0]["attempts"])


def test_rebuild_asks_first(fieldpost, filled):
    """Without --yes and without a terminal nothing is done."""
    said = fieldpost("spool", "rebuild")

    assert 2 == said.code
    assert "try: fieldpost spool rebuild --yes" in said.err


def test_rebuild_brings_everything_back(fieldpost, filled, site):
    """A lost database is restored from the manifests."""
    for part in site.spool.glob("spool.db*"):
        part.unlink()

    document = json.loads(fieldpost("spool", "rebuild", "--yes", "--json").out)

    assert {entry.id for entry in filled} == set(document["restored"])


@pytest.mark.parametrize("command", [["verify"], ["requeue", "--all"], ["rebuild", "--yes"]])
def test_rescue_of_a_spool_that_is_not_there_makes_none(fieldpost, site, command):
    """A wrong path is told, not created."""
    said = fieldpost("spool", *command)

    assert 0 != said.code
    assert not site.spool.exists()
