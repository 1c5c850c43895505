"""The simulated recorder as a whole: what it announces, and that it speaks the protocol."""

import asyncio
import contextlib
import hashlib
import json
import signal
import subprocess
import sys

import pytest

from device.core.link.answers import EVENT_STARTED, End, Event, Page, StateIs, Welcome
from device.core.link.listing import Holding, RecordingItem, decode_item, media_digest
from device.core.link.messages import Data, encode_message, parse
from device.core.link.requests import Hello, List, Read, Release
from device.errors import LinkLost, UsageInvalid
from device.links.serial import SerialLink
from device.simulate.faults import FaultPlan
from device.simulate.from_folder import read_folder
from device.simulate.recorder import SimulateOptions, simulate

DEADLINE_S = 10.0
AUDIO = bytes(range(256)) * 100
PICTURE = b"\xff\xd8 picture"
HELLO = Hello(request=1, min_version=1, max_version=1, max_frame_bytes=4096)


@pytest.fixture
def source(tmp_path):
    recording = tmp_path / "recordings" / "morning"
    recording.mkdir(parents=True)
    (recording / "audio.opus").write_bytes(AUDIO)
    (recording / "0001.jpg").write_bytes(PICTURE)
    (recording / "notes.txt").write_text("no medium")
    return recording.parent


@contextlib.asynccontextmanager
async def simulated(**options):
    """Run a recorder; yields its announcements, the first of which is there."""
    said: list[dict] = []
    ready = asyncio.Event()

    def announce(document):
        said.append(document)
        ready.set()

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        options = SimulateOptions(**{"baud": 0, **options})
        running = group.create_task(simulate(options, announce))
        await ready.wait()
        try:
            yield said
        finally:
            running.cancel()


async def ask(link, request, kind, *rest):
    """Send a request; return the first answer of this kind, and what else came before it."""
    await link.send(encode_message(request))
    others = []
    while not isinstance(answer := parse(await link.receive()), kind):
        others.append(answer)
    return answer, others


@pytest.mark.asyncio
async def test_the_first_announcement_tells_url_and_digests(source):
    """Whoever starts a recorder learns its URL and what every medium's digest is."""
    async with simulated(source=source, seed=5) as said:
        ready = said[0]

    assert ready["url"].startswith("serial:///")
    assert ready["serial"] == "SIM00005"
    assert ready["recordings"][0]["media"] == [
        {
            "name": "audio.opus",
            "bytes": len(AUDIO),
            "sha256": hashlib.sha256(AUDIO).hexdigest(),
        },
        {"name": "0001.jpg", "bytes": len(PICTURE), "sha256": hashlib.sha256(PICTURE).hexdigest()},
    ]


def read_all(said):
    return Read(
        request=2,
        recording=bytes.fromhex(said[0]["recordings"][0]["id"]),
        generation=1,
        index=0,
        offset=0,
        stream=1,
        limit=len(AUDIO),
    )


async def _open_read(link, said):
    await ask(link, HELLO, Welcome)
    return await ask(link, read_all(said), End)


@pytest.mark.asyncio
async def test_it_lists_and_streams_over_a_real_pty(source):
    """A host that opens the port gets the listing and the bytes."""
    async with simulated(source=source) as said, await SerialLink.open(said[0]["url"]) as link:
        await ask(link, HELLO, Welcome)
        page, _ = await ask(link, List(request=2, first=0), Page)
        end, data = await _open_read(link, said)

    item = decode_item(RecordingItem, page.items[0])
    assert item.size_bytes == len(AUDIO) + len(PICTURE)
    assert b"".join(each.payload for each in data if isinstance(each, Data)) == AUDIO
    assert end.sha256 == hashlib.sha256(AUDIO).digest()


@pytest.mark.asyncio
async def test_a_release_is_announced(source):
    """The release of a recording is told at once, with its id."""
    async with simulated(source=source) as said:
        recording = said[0]["recordings"][0]
        digests = [bytes.fromhex(medium["sha256"]) for medium in recording["media"]]
        release = Release(
            request=3,
            recording=bytes.fromhex(recording["id"]),
            generation=1,
            sha256=media_digest(digests),
        )
        async with await SerialLink.open(said[0]["url"]) as link:
            await ask(link, HELLO, Welcome)
            state, _ = await ask(link, release, StateIs)

    assert state.state == Holding.GONE
    assert said[1] == {"schema": 1, "event": "released", "id": recording["id"]}


@pytest.mark.asyncio
async def test_a_reboot_mid_read_ends_the_session_and_says_so(source):
    """After a reboot the recorder has forgotten the session, and says that it started."""
    plan = FaultPlan(reboot_at=(5000,))
    async with (
        simulated(source=source, faults=plan) as said,
        await SerialLink.open(said[0]["url"]) as link,
    ):
        await ask(link, HELLO, Welcome)
        event, others = await ask(link, read_all(said), Event)
        welcome, _ = await ask(link, HELLO, Welcome)

    assert event.event == EVENT_STARTED
    assert not any(isinstance(each, End) for each in others)
    assert isinstance(welcome, Welcome)


@pytest.mark.asyncio
async def test_an_unplug_mid_read_is_survived_by_opening_again(source):
    """After an unplug the same URL leads to the same recorder behind a new port."""
    plan = FaultPlan(unplug_at=(5000,), replug_after_s=0.0)
    async with simulated(source=source, faults=plan) as said:
        async with await SerialLink.open(said[0]["url"]) as link:
            with pytest.raises(LinkLost):
                await _open_read(link, said)
        async with await SerialLink.open(said[0]["url"]) as link:
            end, _ = await _open_read(link, said)

    assert end.size_bytes == len(AUDIO)


PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from device.simulate.recorder import SimulateOptions, simulate
options = SimulateOptions(source=Path(sys.argv[1]), link=Path(sys.argv[2]))
asyncio.run(simulate(options, lambda said: print(json.dumps(said), flush=True)))
"""


def test_sigterm_ends_it_and_tells_what_is_held(source, tmp_path):
    """On SIGTERM the port goes away, and the last announcement lists what was not released."""
    link = tmp_path / "usb-Recorder"
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(source), str(link)], stdout=subprocess.PIPE, text=True
    )
    with program:
        ready = json.loads(program.stdout.readline())
        there = link.is_symlink()
        program.send_signal(signal.SIGTERM)
        end = json.loads(program.stdout.readline())

    assert there
    assert not link.is_symlink()
    assert program.returncode == 0
    assert end == {
        "schema": 1,
        "event": "end",
        "held": [ready["recordings"][0]["id"]],
        "sent_bytes": 0,
        "reread_bytes": {},
        "unplugged": 0,
    }


def test_a_folder_without_media_is_refused(tmp_path):
    """A source with nothing in it is a mistake, not an empty recorder."""
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageInvalid, match="holds audio"):
        read_folder(tmp_path)


def test_a_source_that_is_no_folder_is_refused(tmp_path):
    """A source that is not there is said so."""
    with pytest.raises(UsageInvalid, match="is not a folder"):
        read_folder(tmp_path / "none")


def test_a_port_in_use_is_not_taken_over(source, tmp_path):
    """A second recorder on the name of a running one is refused, and the first keeps its name."""
    link = tmp_path / "usb-Recorder"
    argv = [sys.executable, "-c", PROGRAM, str(source), str(link)]
    first = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with first:
        first.stdout.readline()
        second = subprocess.run(argv, capture_output=True, text=True, check=False)
        kept = link.exists()
        first.send_signal(signal.SIGTERM)

    assert "is the port of another simulated recorder" in second.stderr
    assert kept
