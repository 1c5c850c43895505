"""`recordings ls` and `recordings show`, as processes on a terminal and on a pipe."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.cli import recording_words
from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Attempt, Receipt, State, Wait
from device.spool.spool import Spool
from tests.device.cli.daemon import Place
from tests.device.cli.moment import BOX, entry
from tests.device.cli.schemas import SCHEMAS, complaints
from tests.device.cli.terminal import terminal
from tests.fakes.folder import OGG, seal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9"


def after(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """To look at alone."""
    return pulled(tmp_path_factory.mktemp("box"))


@pytest.fixture
def own_place(tmp_path) -> Place:
    """For one test alone, which may change it."""
    return pulled(tmp_path)


def pulled(folder) -> Place:
    """One recording with sure times and two images, one without any; both are pulled."""
    place = Place(folder)
    media = [
        {"file": "audio.opus", "captured_at": after(0)},
        {"file": "a.jpg", "captured_at": after(30)},
        {"file": "b.jpg", "captured_at": after(90)},
    ]
    seal(
        place.recordings / "field-7",
        {"audio.opus": OGG, "a.jpg": JPEG, "b.jpg": JPEG + b"\0"},
        {"started_at": after(0), "ended_at": after(120), "media": media},
    )
    seal(place.recordings / "nobody-knows", {"audio.opus": OGG + b"2"})
    assert 0 == asyncio.run(place.fieldpost("pull")).code
    return place


def held(place: Place) -> Spool:
    return Spool.open(SpoolConfig(path=place.spool, min_free_bytes=0), SystemClock())


async def shown(place: Place, *command: str, columns: int = 80) -> list[str]:
    how = {"columns": columns, "rows": 60}
    async with terminal("-c", str(place.config), "recordings", *command, **how) as on:
        assert 0 == await on.ended()
        return on.lines


def the(place: Place, own_id: str) -> dict:
    listed = asyncio.run(place.json("recordings", "ls"))["recordings"]
    (found,) = [each for each in listed if each["recording"] == own_id]
    return found


def test_ls_tells_both_ids_newest_first(place):
    """When it was made where that is sure, else when it was pulled, which is marked."""
    first, second = the(place, "nobody-knows")["id"], the(place, "field-7")["id"]
    lines = asyncio.run(shown(place, "ls", columns=200))

    assert ["ENTRY", "STATE", "STARTED", "LASTS", "SIZE", "RECORDING"] == lines[0].split()
    assert f"{first[:12]}  sealed  ~" == lines[1][:23]
    assert lines[1].endswith("/recordings nobody-knows")
    assert f"{second[:12]}  sealed  2026-03-01 12:00    2:00" == lines[2][:47].rstrip()
    assert lines[2].endswith("/recordings field-7")
    assert lines[3].startswith("~ not sure")


def test_ls_fits_a_phone(place):
    """Below each id what the columns would tell."""
    lines = asyncio.run(shown(place, "ls", columns=40))

    assert max(map(len, lines)) <= 40
    assert "  state sealed, started 2026-03-01" in lines


def test_what_a_recorder_holds_stands_beside_what_is_here(own_place):
    """By the recorder's own id; what was not pulled yet says so."""
    known = the(own_place, "field-7")["id"]
    seal(own_place.recordings / "new", {"audio.opus": OGG + b"3"})
    lines = asyncio.run(shown(own_place, "ls", "--recorder", own_place.url))

    assert f"field-7           3  4.4 KiB  2026-03-01 12:00  {known[:12]} sealed" == lines[1]
    assert lines[2].endswith("not pulled yet")
    assert lines[3].endswith("sealed")


@pytest.mark.parametrize("columns", [80, 40])
def test_show_draws_the_timeline(place, columns):
    """The audio as a bar, and each image where it belongs."""
    lines = asyncio.run(shown(place, "show", "field", columns=columns))
    room = columns - 8
    (audio,) = [line for line in lines if line.startswith("audio ")]
    (images,) = [line for line in lines if line.startswith("images ")]

    assert "=" * room == audio[8:]
    assert (room // 4, 3 * room // 4) == (images.index("1") - 8, images.index("2") - 8)
    assert "lasts      2:00" in lines


def test_show_tells_what_happened(own_place):
    """Failed attempts with their reasons, why it waits, and when it is tried next."""
    entry = the(own_place, "field-7")["id"]
    spool = held(own_place)
    at = datetime.now(UTC)
    spool.note_attempt(entry, Attempt(at=at, code="cloud-unwell", reason="HTTP 503 " * 12))
    wait = Wait(code="cloud-unwell", reason="HTTP 503", until=at + timedelta(hours=2, seconds=30))
    spool.save_wait(entry, wait, attempts=1)
    spool.close()
    lines = asyncio.run(shown(own_place, "show", entry[:6]))

    assert "why        HTTP 503; next try in 2 h" in lines
    assert 12 == " ".join(lines[lines.index("FAILED ATTEMPTS") :]).split().count("503")


def test_show_tells_the_receipt(own_place):
    """Which cloud has it, under which id, and since when."""
    entry = the(own_place, "field-7")["id"]
    spool = held(own_place)
    spool.store(entry, Receipt(cloud="bota", cloud_recording="rec_7", acknowledged_at=NOON))
    spool.close()
    out = asyncio.run(own_place.fieldpost("recordings", "show", "field-7")).out

    assert "receipt    bota rec_7, acknowledged 2026-03-01 " in out
    assert 3 == out.count(" yes ")


def test_programs_get_everything_by_the_schemas(place):
    """All three documents keep to what is committed, and have nothing beside it."""

    async def work():
        return (
            await place.json("recordings", "ls"),
            await place.json("recordings", "ls", "--recorder", place.url),
            await place.json("recordings", "show", "field-7"),
        )

    every, of_recorder, one = asyncio.run(work())
    (field,) = [each for each in of_recorder["recordings"] if each["id"] == "field-7"]

    assert [] == complaints("recordings.json", every)
    assert [] == complaints("recorder-recordings.json", of_recorder)
    assert [] == complaints("recording.json", one)
    assert set(one) == set(SCHEMAS["recording.json"]["properties"])
    assert set(every["recordings"][0]) == set(
        SCHEMAS["recordings.json"]["properties"]["recordings"]["items"]["properties"]
    )
    assert (field["entry"], "sealed") == (one["entry"]["id"], field["state"])
    assert [30_000, 90_000] == [each["offset_ms"] for each in one["timeline"]["marks"]]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "nope"), 1, "this box knows no recording nope\n  try: fieldpost recordings ls\n"),
        (("show", ""), 2, " may be any of 2 recordings: "),
        (("folder:///a",), 2, "\n  try: fieldpost recordings ls --recorder folder:///a\n"),
    ],
)
def test_what_cannot_be_found_says_what_to_do(place, arguments, code, told):
    """Unknown, ambiguous, and the form that this command had before."""
    said = asyncio.run(place.fieldpost("recordings", *arguments))

    assert (code, True) == (said.code, told in said.err)


def test_a_whole_name_is_no_beginning_of_another():
    """rec_1 is itself, though rec_10 begins so."""
    one, ten = (entry(number, BOX, State.SEALED, 1) for number in (1, 10))
    shorter = replace(one.recording.key, recording="rec_001")
    one = replace(one, recording=replace(one.recording, key=shorter))

    assert one is recording_words.one([ten, one], "rec_001")
    assert ten is recording_words.one([one, ten], ten.id[:9].upper())


def test_a_box_without_recordings_says_so(tmp_path):
    """An empty table would leave open whether anything was looked at."""
    said = asyncio.run(Place(tmp_path).fieldpost("recordings", "ls"))

    assert "this box knows no recording yet" in said.out
    assert (
        []
        == json.loads(asyncio.run(Place(tmp_path).fieldpost("recordings", "ls", "--json")).out)[
            "recordings"
        ]
    )
