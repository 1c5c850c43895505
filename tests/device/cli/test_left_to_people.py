"""What a recorder lists that needs a person: shown by every command that is asked how it goes."""

import asyncio
import json
import tarfile

import pytest

from device.bugreport.gathering import nameless
from tests.device.cli.daemon import Place
from tests.device.cli.schemas import complaints
from tests.fakes.folder import OGG, seal

WRONG = {"media": [{"file": "audio.opus", "sha256": "0" * 64}]}
MANY = 5


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    """Visited once: one recording whose digest is wrong, and one folder that is still written."""
    place = Place(tmp_path_factory.mktemp("box"))
    seal(place.recordings / "torn", {"audio.opus": OGG}, WRONG)
    (place.recordings / "later").mkdir()
    (place.recordings / "later" / "audio.opus").write_bytes(OGG)
    asyncio.run(place.fieldpost("pull"))
    return place


def said(place: Place, *command: str) -> str:
    return asyncio.run(place.fieldpost(*command)).out


def test_status_warns_of_it_after_the_visit(place):
    """Which recorder, which recording, why and what to do; of what is not ready, nothing."""
    text = said(place, "status")
    status = asyncio.run(place.json("status"))

    assert "nothing is wrong" not in text
    (warning,) = (each for each in status["warnings"] if "torn" in each)
    assert "recording torn needs a person: it cannot be pulled: " in warning
    assert warning.endswith("or delete it on the recorder")
    assert not [each for each in status["warnings"] if "later" in each]


def test_programs_get_it_in_pieces(place):
    """By the URL of the recorder, and as the schema says."""
    status = asyncio.run(place.json("status"))
    (noticed,) = status["notices"]

    assert [] == complaints("status.json", status)
    assert (place.url, 1) == (noticed["url"], noticed["total"])
    assert ["torn"] == [each["recording"] for each in noticed["notices"]]


def test_recorders_tells_it_below_its_row(place):
    """And to programs."""
    told = asyncio.run(place.json("recorders"))

    assert "1 recording needs a person: torn; see: fieldpost status" in said(place, "recorders")
    assert [] == complaints("recorders.json", told)
    assert 1 == told["recorders"][0]["left"]["total"]


def test_top_begins_with_it(place):
    """Its first event without an agent is the status."""

    async def first_line() -> str:
        top = await place.start("top", "--json")
        try:
            assert top.stdout is not None
            async with asyncio.timeout(20):
                return (await top.stdout.readline()).decode()
        finally:
            top.kill()
            await top.communicate()

    event = json.loads(asyncio.run(first_line()))

    assert any("torn" in each for each in event["warnings"])


def test_doctor_warns_of_it(place):
    """With the same remedy."""
    told = json.loads(said(place, "doctor", "--json"))
    (found,) = (each for each in told["checks"] if each["code"] == "recordings-left")

    assert "warning" == found["verdict"]
    assert "torn" in found["sentence"]
    assert "delete it on the recorder" in found["fix"]


def test_a_bug_report_does_not_say_what_recordings_are_called(place, tmp_path):
    """People name folders after people; how many there are is told."""
    asyncio.run(place.fieldpost("bugreport", "--yes", "-o", str(tmp_path / "report.tar.gz")))
    with tarfile.open(tmp_path / "report.tar.gz") as archive:
        files = {
            each.name.rpartition("/")[2]: archive.extractfile(each).read()
            for each in archive
            if each.isfile()
        }

    assert not [name for name, content in files.items() if b"torn" in content]
    assert 1 == json.loads(files["status.json"])["notices"][0]["total"]
    assert nameless(None) is None


def test_many_are_counted_and_gone_when_put_right(tmp_path):
    """A recorder that was reset must not push every other warning off the screen."""
    place = Place(tmp_path)
    for number in range(MANY):
        seal(place.recordings / f"torn-{number}", {"audio.opus": OGG}, WRONG)
    asyncio.run(place.fieldpost("pull"))
    before = asyncio.run(place.json("status"))["warnings"]
    for number in range(MANY):
        (place.recordings / f"torn-{number}" / "recording.json").write_text("{}")
    asyncio.run(place.fieldpost("pull"))
    after = asyncio.run(place.json("status"))

    assert 3 == len([each for each in before if "recording torn-" in each])
    assert f"{place.url}: 2 more recordings need a person; see: fieldpost status --json" in before
    assert [] == after["notices"]
