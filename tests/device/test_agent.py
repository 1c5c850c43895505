"""Agent: the parts put together by the configuration: a real folder, a strict cloud double."""

import asyncio
import threading
from pathlib import Path

import pytest

from device import agent, once, survey
from device.clock import SystemClock
from device.config import CloudConfig, Config, RecorderConfig, SpoolConfig
from device.errors import LinkError, LinkUnavailable, SpoolLocked, UsageInvalid
from device.model import State
from device.progress import Silent
from device.spool.reader import read_only
from device.spool.spool import Spool
from device.summary import SOME_FAILED, Summary
from tests.fakes.bota_api import TOKEN, BotaDouble
from tests.fakes.folder import OGG, seal

JPEG = b"\xff\xd8\xff\xe0" + bytes(64) + b"\xff\xd9"


class Box:
    """A configured box. Used from synchronous tests, as the command line uses the agent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        self.url = f"folder://{self.recordings}"
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(TOKEN)

    def config(self, bota: BotaDouble, **spool) -> Config:
        return Config(
            cloud=CloudConfig(base_url=bota.base_url, token_file=self.folder / "token"),
            spool=SpoolConfig(path=self.folder / "spool", min_free_bytes=0, **spool),
            recorders=(RecorderConfig(url=self.url),),
        )

    def states(self) -> list[State]:
        with read_only(self.folder / "spool") as reader:
            return [entry.state for entry in reader.entries()]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def carried(config: Config) -> Summary:
    async with asyncio.timeout(15):
        return await once.carry(config, progress=Silent())


def test_once_carries_a_folder_to_the_cloud(box):
    """Audio and image arrive, the folder is empty, the summary tells of the recording."""

    async def work():
        async with BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.opus": OGG, "1.jpg": JPEG})
            summary = await carried(box.config(bota))
            (recording,) = bota.recordings
            return summary, bota.bytes_of(recording, "audio"), bota.bytes_of(recording, "image")

    summary, audio, images = asyncio.run(work())

    assert (0, ()) == (summary.exit_code, summary.problems)
    assert [State.RELEASED] == [entry.state for entry in summary.entries]
    assert ([OGG], [JPEG]) == (audio, images)
    assert list(box.recordings.iterdir()) == []


def test_a_second_run_has_nothing_to_tell(box):
    """What was released by an earlier run is not this run's business."""

    async def work():
        async with BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.opus": OGG})
            await carried(box.config(bota))
            return await carried(box.config(bota))

    assert asyncio.run(work()).entries == ()


def test_a_wrong_token_ends_with_3_and_keeps_everything(box):
    """Pulling goes on, nothing goes up, the folder keeps its copy, and the reason is told."""

    async def work():
        async with BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.opus": OGG})
            (box.folder / "token").write_text("dtok_revoked")
            return await carried(box.config(bota))

    summary = asyncio.run(work())

    assert SOME_FAILED == summary.exit_code
    assert "token" in summary.problems[0]
    assert [State.SEALED] == box.states()
    assert (box.recordings / "one" / "audio.opus").exists()


def test_an_absent_folder_is_a_problem_and_not_an_empty_one(box, monkeypatch):
    """A recorder that is not there ends in 69 with its name, after bounded tries."""
    monkeypatch.setattr("device.visit.PATIENCE", 2)
    box.recordings.rmdir()

    async def work():
        async with BotaDouble() as bota:
            return await carried(box.config(bota))

    summary = asyncio.run(work())

    assert LinkError.exit_code == summary.exit_code
    assert box.url in summary.problems[0]


def test_pull_uploads_nothing(box):
    """`pull` brings recordings into the spool and leaves them sealed."""

    async def work():
        async with BotaDouble() as bota:
            seal(box.recordings / "one", {"audio.opus": OGG})
            summary = await once.pull_now(box.config(bota), recorder=box.url, progress=Silent())
            return summary, bota.recordings

    summary, recordings = asyncio.run(work())

    assert 0 == summary.exit_code
    assert [State.SEALED] == [entry.state for entry in summary.entries]
    assert recordings == {}


def test_named_files_become_one_recording(box):
    """Audio and images of the command line are one recording; again, they are the same one."""
    audio, image = box.folder / "talk.opus", box.folder / "slide.jpg"
    audio.write_bytes(OGG)
    image.write_bytes(JPEG)

    async def work():
        async with BotaDouble() as bota:
            told = [
                await once.upload_files(
                    box.config(bota),
                    [audio, image],
                    started_at=None,
                    metadata={"site": "Glen"},
                    progress=Silent(),
                )
                for _ in range(2)
            ]
            return told, list(bota.recordings.values())

    told, recordings = asyncio.run(work())

    assert [0, 0] == [summary.exit_code for summary in told]
    assert [State.RELEASED] * 2 == [summary.entries[0].state for summary in told]
    assert told[0].entries[0].id == told[1].entries[0].id
    assert 1 == len(recordings)
    assert "Glen" == recordings[0]["metadata"]["site"]
    assert audio.exists()


def test_an_upload_that_fails_says_whose_fault_by_its_exit_code(box):
    """A refused token is 77, a cloud out of reach is 69; the recording stays in the spool."""
    audio = box.folder / "talk.opus"
    audio.write_bytes(OGG)

    async def upload(config: Config) -> int:
        summary = await once.upload_files(
            config, [audio], started_at=None, metadata={}, progress=Silent()
        )
        return summary.exit_code

    async def work():
        async with BotaDouble() as bota:
            (box.folder / "token").write_text("dtok_revoked")
            refused = await upload(box.config(bota))
            away = box.config(bota)
            (box.folder / "token").write_text(TOKEN)
        return refused, await upload(away)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("device.aftermath.PATIENCE", 1)
        codes = asyncio.run(work())

    assert codes == (77, 69)
    assert box.states() == [State.SEALED]


def test_a_file_that_is_no_medium_is_refused(box):
    """A text file is a usage error that names it; nothing is spooled."""
    note = box.folder / "note.txt"
    note.write_text("hello")

    async def work():
        async with BotaDouble() as bota:
            await once.upload_files(
                box.config(bota), [note], started_at=None, metadata={}, progress=Silent()
            )

    with pytest.raises(UsageInvalid, match=r"note\.txt"):
        asyncio.run(work())

    assert box.states() == []


def test_two_agents_do_not_share_a_spool(box):
    """The second agent is refused while the first one holds the spool."""

    async def work():
        async with BotaDouble() as bota:
            config = box.config(bota)
            first = asyncio.create_task(agent.run(config, reread=lambda: config, progress=Silent()))
            try:
                async with asyncio.timeout(15):
                    while not (box.folder / "spool" / "lock").exists():
                        await asyncio.wait({first}, timeout=0.01)
                    with pytest.raises(SpoolLocked):
                        await once.carry(config, progress=Silent())
            finally:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)

    asyncio.run(work())


def test_a_start_that_is_stopped_leaves_the_spool_to_the_next(box, monkeypatch):
    """The thread that opens it cannot be stopped, and closes it again when it is done."""
    opening, stopped, opened = (threading.Event() for _ in range(3))
    real = Spool.open

    def slow(config, clock):
        opening.set()
        assert stopped.wait(10)
        spool = real(config, clock)
        opened.set()
        return spool

    async def work():
        async with BotaDouble() as bota:
            config = box.config(bota)
            run = asyncio.create_task(once.carry(config, progress=Silent()))
            assert await asyncio.to_thread(opening.wait, 10)
            run.cancel()
            await asyncio.wait({run}, timeout=0.01)
            stopped.set()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert await asyncio.to_thread(opened.wait, 10)
            await asyncio.to_thread(lambda: real(config.spool, SystemClock()).close())

    with monkeypatch.context() as patched:
        patched.setattr(Spool, "open", slow)
        asyncio.run(work())


def test_look_tells_of_every_recorder_even_the_absent(box):
    """`recorders` shows who is there with counts, and why another is not."""
    seal(box.recordings / "one", {"audio.opus": OGG})

    async def work():
        async with BotaDouble() as bota:
            config = box.config(bota)
            absent = RecorderConfig(url=f"folder://{box.folder}/absent")
            both = Config(
                cloud=config.cloud, spool=config.spool, recorders=(*config.recorders, absent)
            )
            return await survey.look(both)

    here, absent = asyncio.run(work())

    assert here.listing is not None
    assert 1 == len(here.listing.recordings)
    assert isinstance(absent.error, LinkUnavailable)


def test_listing_wants_a_configured_recorder(box):
    """A URL that is not configured is a usage error that names those that are."""

    async def work():
        async with BotaDouble() as bota:
            await survey.listing(box.config(bota), "serial:///dev/ttyACM0")

    with pytest.raises(UsageInvalid, match=r"configured: folder://"):
        asyncio.run(work())
