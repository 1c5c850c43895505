"""`top` as a process on a terminal and on a pipe, beside an agent that lives, dies, comes back."""

import asyncio
import json
import signal

import pytest

from tests.device.cli.daemon import CHUNK, DEADLINE_S, GatedBota, Place
from tests.device.cli.schemas import complaints
from tests.device.cli.terminal import terminal
from tests.fakes.folder import OGG, seal

LONG = (OGG * (4 * CHUNK // len(OGG) + 1))[: 4 * CHUNK]

pytestmark = pytest.mark.timeout(60)


class Stuck:
    """An agent whose only upload stands still: its third chunk has left, and is not answered."""

    def __init__(self, folder) -> None:
        self.bota = GatedBota()
        self.folder = folder

    async def __aenter__(self) -> Place:
        await self.bota.__aenter__()
        self.place = Place(self.folder, self.bota)
        seal(self.place.recordings / "one", {"audio.opus": LONG})
        self.bota.close_at = 3
        self.agent = self.place.agent()
        await self.agent.__aenter__()
        async with asyncio.timeout(DEADLINE_S):
            await self.bota.reached.wait()
        return self.place

    async def __aexit__(self, *error) -> None:
        self.bota.gate.set()
        await self.agent.__aexit__(*error)
        await self.bota.__aexit__(*error)


def top(place: Place, **how):
    return terminal("-c", str(place.config), "top", **how)


@pytest.mark.parametrize(("columns", "environ"), [(80, {}), (40, {"NO_COLOR": "1"})])
def test_an_upload_is_seen_at_a_glance(tmp_path, columns, environ):
    """Its bar, how much of it, and what is wrong, on a phone and without colour as well."""

    async def work():
        async with (
            Stuck(tmp_path) as place,
            top(place, columns=columns, **environ) as shown,
        ):
            text = await shown.shows(" 75 %")
            shown.type(b"\x03")
            return text, await shown.ended(), shown.raw

    text, code, raw = asyncio.run(work())
    lines = text.splitlines()
    (bar,) = [line for line in lines if "█" in line and "░" in line]

    assert (0, b"\x1b[?1049l") == (code, raw[-8:])
    assert "  agent running (pid " in lines[0]
    assert lines[1].startswith("[!!] this box's clock is ")  # the double's day is a fixed one
    assert bar.count("█") == 3 * (bar.count("█") + bar.count("░")) // 4
    assert "768.0 KiB of 1.0 MiB" in text
    assert {"RECORDERS", "UPLOADS"} <= set(lines)
    assert max(map(len, lines)) <= columns
    assert bool(environ) != any(b"\x1b[%dm" % colour in raw for colour in range(30, 38))


def test_it_follows_the_size_of_the_terminal(tmp_path):
    """A window that becomes narrow is drawn anew, without anything happening."""

    async def work():
        place = Place(tmp_path)
        async with place.agent(), top(place) as shown:
            before = await shown.shows("fieldpost top")
            shown.resize(40, 12)
            after = await shown.shows(lambda text: "RECORDERS" in text and "top" not in text)
            return before, after

    before, after = asyncio.run(work())

    assert before.splitlines()[0].startswith("fieldpost top")
    assert (True, True) == (len(after.splitlines()) <= 12, "agent running" in after)


def test_an_agent_that_goes_and_comes_is_told(tmp_path):
    """Meanwhile the spool is read; the next agent is found by itself."""

    async def work():
        place = Place(tmp_path)
        async with top(place) as shown:
            alone = await shown.shows("no agent answers")
            async with place.agent() as first:
                during = await shown.shows(f"agent running (pid {first.process.pid})")
                first.process.kill()
                await first.ended()
            await shown.shows("agent not running")
            async with place.agent() as second:
                await shown.shows(f"agent running (pid {second.process.pid})")
            shown.type(b"\x03")
            return alone, during, await shown.ended()

    alone, during, code = asyncio.run(work())

    assert "this is read from the spool every 2 s" in alone
    assert "no agent answers" not in during
    assert 0 == code


def test_on_a_pipe_it_prints_the_events(tmp_path):
    """A JSON document a line, each by the schema; an interrupt ends it well."""

    async def work():
        async with Stuck(tmp_path) as place:
            process = await place.start("status", "--watch")
            lines = [json.loads(await process.stdout.readline())]
            seal(place.recordings / "two", {"audio.opus": OGG})
            async with asyncio.timeout(DEADLINE_S):
                while {"moved", "progress"} - {each["event"] for each in lines}:
                    lines.append(json.loads(await process.stdout.readline()))
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(DEADLINE_S):
                _, err = await process.communicate()
            return lines, process.returncode, err

    lines, code, err = asyncio.run(work())

    assert ("status", "agent") == (lines[0]["event"], lines[0]["source"])
    assert [] == [each for line in lines for each in complaints("top.json", line)]
    assert (0, b"") == (code, err)


def test_without_an_agent_a_pipe_gets_the_spool(tmp_path):
    """With where it is from."""

    async def work():
        place = Place(tmp_path)
        process = await place.start("top", "--json")
        async with asyncio.timeout(DEADLINE_S):
            line = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGINT)
        await process.communicate()
        return line

    line = asyncio.run(work())

    assert ("status", "spool") == (line["event"], line["source"])
    assert [] == complaints("top.json", line)
