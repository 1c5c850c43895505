"""The agent as a process: asked over its socket, reloaded, drained, killed."""

import asyncio
import os
import signal
import socket
import stat

import pytest

from device.cli.agent_client import AgentClient
from tests.device.cli.daemon import CHUNK, GatedBota, Place
from tests.fakes.folder import OGG, seal

LONG = (OGG * (4 * CHUNK // len(OGG) + 1))[: 4 * CHUNK]
RANGES = [f"bytes {at}-{at + CHUNK - 1}/{4 * CHUNK}" for at in range(0, 4 * CHUNK, CHUNK)]

pytestmark = pytest.mark.timeout(60)


async def heard(place: Place, is_it) -> None:
    """Listen to the events until one is it."""
    client = AgentClient(spool=place.spool, sockets=(place.spool / "control.sock",))

    def listen() -> None:
        assert any(is_it(said) for _, said in client.events())

    async with asyncio.timeout(20):
        await asyncio.to_thread(listen)


async def released(place: Place) -> None:
    await heard(
        place,
        lambda said: (
            said.get("entry", {}).get("state") == "released"
            or any(each["released"] for each in said.get("recorders", ()))
        ),
    )


def bodies(puts: list[str]) -> list[str]:
    """What was sent, without the questions of where it stands."""
    return [each for each in puts if not each.startswith("bytes */")]


def is_long_upload(said) -> bool:
    """Whether something tells that the long recording goes up."""
    return any(
        each["direction"] == "upload" and each["total_bytes"] == 4 * CHUNK
        for each in said.get("transfers", ())
    )


def test_status_asks_the_agent(tmp_path):
    """What only it knows is told; without it the spool tells the rest."""

    async def work():
        place = Place(tmp_path)
        async with place.agent() as agent:
            asked = await place.json("status")
            text = (await place.fieldpost("status")).out
            agent.process.terminate()
            assert 0 == await agent.ended()
        return agent.process.pid, asked, text, await place.json("status")

    pid, asked, text, alone = asyncio.run(work())

    assert ("agent", pid, []) == (asked["source"], asked["agent"]["pid"], asked["transfers"])
    assert f"agent    running (pid {pid})\n" in text
    assert ("spool", False) == (alone["source"], alone["agent"]["running"])
    assert set(alone) == set(asked) - {"transfers", "upload_rate_bytes_per_s"}


def test_a_second_agent_is_refused_and_the_first_goes_on(tmp_path):
    """The lock decides; the socket of the first is not touched."""

    async def work():
        place = Place(tmp_path)
        async with place.agent():
            second = await place.fieldpost("run")
            return second, await place.json("status")

    second, status = asyncio.run(work())

    assert 75 == second.code
    assert "agent" == status["source"]


def test_a_killed_agents_socket_is_replaced(tmp_path):
    """It leaves the file behind, and the next agent answers there."""

    async def work():
        place = Place(tmp_path)
        async with place.agent() as first:
            first.process.kill()
            await first.ended()
        left = (place.spool / "control.sock").exists()
        async with place.agent() as second:
            return left, second.process.pid, await place.json("status")

    left, pid, status = asyncio.run(work())

    assert left
    assert ("agent", pid) == (status["source"], status["agent"]["pid"])


def test_the_runtime_directory_holds_the_socket(tmp_path):
    """Readiness is told after it answers, and the status line after that."""

    async def work():
        place = Place(tmp_path)
        folder = tmp_path / "run"
        folder.mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            manager.bind(str(tmp_path / "notify"))
            told = [b""]
            async with place.agent(
                RUNTIME_DIRECTORY=str(folder),
                NOTIFY_SOCKET=str(tmp_path / "notify"),
                WATCHDOG_USEC="200000",
            ) as agent:
                mode = stat.S_IMODE((folder / "control.sock").stat().st_mode)
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(10):
                    while told.count(b"WATCHDOG=1") < 3 or told[-1][:7] == b"STATUS=":
                        told.append(await loop.sock_recv(manager, 300))
                agent.process.terminate()
                await agent.ended()
        return mode, told[1:]

    mode, told = asyncio.run(work())

    assert 0o660 == mode
    assert b"READY=1" == next(said for said in told if said != b"WATCHDOG=1")
    assert b"STATUS=nothing waits" in told


def test_term_lets_a_request_end_and_the_next_run_goes_on_there(tmp_path):
    """No chunk is cut, none is begun any more, and none goes twice."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            seal(place.recordings / "one", {"audio.opus": LONG})
            bota.close_at = 2
            async with place.agent() as agent:
                async with asyncio.timeout(15):
                    await bota.reached.wait()
                agent.process.terminate()
                await agent.said("Agent is asked to end")
                bota.gate.set()
                code = await agent.ended()
            before = list(bota.puts)
            waiting = (await place.json("status"))["waiting"][0]
            again = await place.json("run", "--once")
            (recording,) = bota.recordings
            return code, before, waiting, again, bota.puts, bota.bytes_of(recording, "audio")

    code, before, waiting, again, puts, audio = asyncio.run(work())

    assert (0, RANGES[:2], "interrupted") == (code, before, waiting["code"])
    assert ([], RANGES, [LONG]) == (again["problems"], bodies(puts), audio)


def test_a_second_term_does_not_wait(tmp_path):
    """A chunk that hangs is cut, and goes again at the next start."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            seal(place.recordings / "one", {"audio.opus": LONG})
            bota.close_at = 2
            async with place.agent() as agent:
                async with asyncio.timeout(15):
                    await bota.reached.wait()
                agent.process.terminate()
                await agent.said("Agent is asked to end")
                agent.process.terminate()
                code = await agent.ended()
            bota.gate.set()
            return code, agent.log, await place.json("run", "--once")

    code, log, again = asyncio.run(work())

    assert 0 == code
    assert "Uploads were cut short" in log
    assert ["released"] == [each["state"] for each in again["recordings"]]


def test_a_reload_under_an_upload_sends_nothing_twice(tmp_path):
    """The same process goes on by the new settings where the last chunk ended."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            seal(place.recordings / "one", {"audio.opus": LONG})
            bota.close_at = 2
            async with place.agent() as agent:
                async with asyncio.timeout(15):
                    await bota.reached.wait()
                place.configure("workers = 1\n")
                reload = asyncio.create_task(place.json("reload"))
                await agent.said("Reading the configuration again")
                bota.gate.set()
                changed = (await reload)["changed"]
                await released(place)
                alive = agent.process.returncode is None
                (recording,) = bota.recordings
                return changed, alive, bota.puts, bota.bytes_of(recording, "audio")

    changed, alive, puts, audio = asyncio.run(work())

    assert (["uploads"], True) == (changed, alive)
    assert (RANGES, [LONG]) == (bodies(puts), audio)


def test_a_reload_that_does_not_concern_uploads_leaves_them_alone(tmp_path):
    """A recorder more: it is visited at once, while the chunk is still under way."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            seal(place.recordings / "one", {"audio.opus": LONG})
            bota.close_at = 2
            other = tmp_path / "other"
            seal(other / "two", {"audio.opus": OGG})
            async with place.agent():
                async with asyncio.timeout(15):
                    await bota.reached.wait()
                place.configure(f'\n[[recorders]]\nurl = "folder://{other}"\n')
                changed = (await place.json("reload"))["changed"]
                await heard(place, is_long_upload)
                bota.gate.set()
                await released(place)
                return other, changed, bota.puts

    other, changed, puts = asyncio.run(work())

    assert [f"folder://{other}"] == changed
    assert RANGES == [each for each in puts if each.endswith(f"/{4 * CHUNK}")]


def test_a_configuration_that_is_refused_leaves_the_old_one(tmp_path):
    """All problems are told with 78 by the command, and logged for SIGHUP."""

    async def work():
        place = Place(tmp_path)
        async with place.agent() as agent:
            place.configure("workers = 0\nworker = 1\n")
            said = await place.fieldpost("reload")
            agent.process.send_signal(signal.SIGHUP)
            await agent.said("The configuration is refused")
            place.configure()
            moved = place.spool.with_name("elsewhere")
            place.config.write_text(place.config.read_text().replace(str(place.spool), str(moved)))
            client = AgentClient(spool=place.spool, sockets=(place.spool / "control.sock",))
            with pytest.raises(Exception, match="until the agent restarts"):
                await asyncio.to_thread(client.post, "/v1/reload")
            place.configure()
            return said, await place.json("reload"), agent.process.returncode

    said, again, code = asyncio.run(work())

    assert (78, None) == (said.code, code)
    assert "fieldpost: the configuration has 2 problems" in said.err
    assert [] == again["changed"]


def test_reload_without_an_agent(tmp_path):
    """69: there is nobody to tell."""
    said = asyncio.run(Place(tmp_path).fieldpost("reload"))

    assert 69 == said.code
    assert "no agent runs" in said.err


def test_pull_and_requeue_go_through_the_running_agent(tmp_path):
    """They needed the lock, so nobody could ask for them while it ran."""

    async def work():
        async with GatedBota() as bota:
            place = Place(tmp_path, bota)
            async with place.agent():
                seal(place.recordings / "one", {"audio.opus": OGG})
                asked = await place.json("pull", place.url)
                await released(place)
                (entry,) = (await place.json("spool", "ls", "--all"))["entries"]
                wrong = await place.fieldpost("pull", "folder:///nowhere")
                again = await place.fieldpost("spool", "requeue", entry["id"][:8])
                return place.url, asked, wrong, again

    url, asked, wrong, again = asyncio.run(work())

    assert [url] == asked["asked"]
    assert (2, 1) == (wrong.code, again.code)
    assert "released" in again.err


def test_an_interrupt_ends_it_in_order(tmp_path):
    """Ctrl-C in the foreground drains as SIGTERM does, and ends with 130."""

    async def work():
        place = Place(tmp_path)
        async with place.agent() as agent:
            os.kill(agent.process.pid, signal.SIGINT)
            return await agent.ended(), agent.log

    code, log = asyncio.run(work())

    assert 130 == code
    assert "Agent stopped" in log
