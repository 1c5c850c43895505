"""The control socket, asked by the command line's own client and by hand."""

import asyncio
import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from device.cli.agent_client import AgentAbsent, AgentBroken, AgentClient
from device.clock import SystemClock
from device.control.hub import MOST_LISTENERS, Hub
from device.control.listening import serving
from device.control.server import MOST_BODY_BYTES, Control
from device.errors import ConfigInvalid, EntryUnknown, FieldpostError, IllegalMove, UsageInvalid
from device.model import State
from tests.device.control.test_transfers import ID, entry


class Desk:
    """Answers as told, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.answer: object = None

    async def status(self):
        return {"transfers": [], "at": "now"}

    async def wake(self):
        self._note("wake")

    async def pull(self, recorder):
        self._note("pull", recorder)
        return ["folder:///a"]

    async def requeue(self, wanted):
        self._note("requeue", wanted)
        return entry(State.QUARANTINED), entry(State.SEALED)

    async def release(self, wanted):
        self._note("release", wanted)
        return entry(State.STORED)

    async def reload(self):
        self._note("reload")
        return ["uploads"]

    def _note(self, *asked) -> None:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer


async def until(true) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for rings no bell
            await asyncio.sleep(0)


class Box:
    def __init__(self, folder: Path) -> None:
        self.desk = Desk()
        self.hub = Hub(clock=SystemClock())
        self.place = folder / "control.sock"
        self.control = Control(actions=self.desk, hub=self.hub, spool=str(folder))
        self.client = AgentClient(spool=folder, sockets=(self.place,))

    def serving(self):
        return serving(self.control, self.place)

    async def post(self, path, body=None):
        return await asyncio.to_thread(self.client.post, path, body)

    async def get(self, path):
        return await asyncio.to_thread(self.client.get, path)

    async def raw(self, request: bytes) -> tuple[int, dict]:
        reader, writer = await asyncio.open_unix_connection(str(self.place))
        writer.write(request)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.fixture
def box(tmp_path) -> Box:
    return Box(tmp_path)


def test_the_contract_names_every_path(box):
    """And none that is not there."""
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in box.control.application().router.routes()
        if route.method != "HEAD"
    }
    page = Path("docs/control.md").read_text()

    assert routes == set(re.findall(r"^\| `((?:GET|POST) /v1/\w+)`", page, re.MULTILINE))


@pytest.mark.asyncio
async def test_every_action_reaches_the_agent(box):
    """Bodies arrive parsed, answers as documents."""
    async with box.serving():
        assert (await box.post("/v1/wake"))["ok"]
        assert ["folder:///a"] == (await box.post("/v1/pull", {"recorder": None}))["recorders"]
        assert "sealed" == (await box.post("/v1/requeue", {"entry": ID}))["entry"]["state"]
        assert "stored" == (await box.post("/v1/release", {"entry": ID}))["entry"]["state"]
        assert ["uploads"] == (await box.post("/v1/reload"))["changed"]
        assert (await box.get("/v1/health"))["ok"]

    asked = [("wake",), ("pull", None), ("requeue", ID), ("release", ID), ("reload",)]
    assert asked == box.desk.asked


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageInvalid("no recorder x", hint="y"), 400),
        (EntryUnknown("no entry"), 404),
        (IllegalMove("it is sealed"), 409),
        (ConfigInvalid(["a", "b"]), 422),
        (FieldpostError("broken"), 500),
    ],
)
@pytest.mark.asyncio
async def test_errors_are_the_command_lines_own(box, error, status):
    """Code, sentence, hint and exit code survive the way through the socket."""
    box.desk.answer = error
    async with box.serving():
        with pytest.raises(FieldpostError) as raised:
            await box.post("/v1/reload")
        code, document = await box.raw(b"POST /v1/reload HTTP/1.0\r\n\r\n")

    told = raised.value
    assert (error.code, str(error), error.hint, error.exit_code) == (
        told.code, str(told), told.hint, told.exit_code,
    )  # fmt: skip
    assert (status, error.code, 1) == (code, document["error"], document["schema"])
    assert getattr(error, "problems", None) == document.get("problems")


@pytest.mark.asyncio
async def test_the_marker_of_a_report_is_logged(box, caplog):
    """And nothing but a marker is: whoever may ask may not write the agent's log."""
    caplog.set_level("INFO")
    async with box.serving():
        assert (await box.post("/v1/bugreport", {"marker": "FP-7Q2M-9XKD"}))["ok"]
        with pytest.raises(FieldpostError):
            await box.post("/v1/bugreport", {"marker": "FP-7Q2M-9XKD all is well"})

    assert ["FP-7Q2M-9XKD"] == [each.marker for each in caplog.records if hasattr(each, "marker")]


@pytest.mark.asyncio
async def test_a_bug_is_told_and_logged(box, caplog):
    """The agent lives on."""
    box.desk.answer = KeyError("bug")
    async with box.serving():
        code, document = await box.raw(b"POST /v1/wake HTTP/1.0\r\n\r\n")
        box.desk.answer = None
        assert (await box.post("/v1/wake"))["ok"]

    assert (500, "failed") == (code, document["error"])
    assert "A request failed unexpectedly" == caplog.records[0].message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"recoder": "x"}', 400),
        (b'{"recorder": 5}', 400),
        (b"\xff", 400),
        (b"[" * 10_000, 400),
        (b" " * (MOST_BODY_BYTES + 1), 413),
    ],
)
@pytest.mark.asyncio
async def test_nonsense_is_refused(box, body, status):
    """What is not understood does nothing."""
    async with box.serving():
        head = f"POST /v1/pull HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        code, document = await box.raw(head + body)

    assert (status, "usage", []) == (code, document["error"], box.desk.asked)


@pytest.mark.parametrize(
    ("line", "status"), [("GET /v1/bogus", 404), ("GET /v1/wake", 405), ("POST /v1/requeue", 400)]
)
@pytest.mark.asyncio
async def test_strange_requests_get_the_error_object(box, line, status):
    """A wrong path or method, a missing id."""
    async with box.serving():
        code, document = await box.raw(f"{line} HTTP/1.0\r\n\r\n".encode())

    assert (status, "usage") == (code, document["error"])


@pytest.mark.asyncio
async def test_a_request_for_another_spool_does_nothing(box, tmp_path):
    """Two agents on one computer: the client takes the one that holds its spool."""
    other = AgentClient(spool=tmp_path / "other", sockets=(box.place,))
    async with box.serving():
        with pytest.raises(AgentAbsent):
            await asyncio.to_thread(other.post, "/v1/wake")

    assert [] == box.desk.asked


@pytest.mark.asyncio
async def test_the_socket_is_for_owner_and_group(box, monkeypatch):
    """Whatever the umask is, and from the first moment on."""
    before = os.umask(0)
    try:
        async with box.serving():
            mode = stat.S_IMODE(box.place.stat().st_mode)
    finally:
        os.umask(before)

    assert 0o660 == mode
    assert not box.place.exists()


@pytest.mark.asyncio
async def test_the_socket_of_a_dead_agent_is_replaced(box):
    """A killed agent leaves its file behind."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(box.place))
    async with box.serving() as able:
        assert able
        assert (await box.get("/v1/health"))["ok"]


@pytest.mark.asyncio
async def test_a_living_socket_is_never_replaced(box, tmp_path, caplog):
    """The second agent in a shared folder goes without, and the first is asked as before."""
    second = Box(tmp_path)
    async with box.serving():
        async with second.serving() as able:
            assert not able
        await box.post("/v1/wake")

    assert ([("wake",)], []) == (box.desk.asked, second.desk.asked)
    assert "No control socket: commands read the spool" in caplog.messages


@pytest.mark.asyncio
async def test_an_agent_at_its_end_leaves_the_next_ones_socket(box, tmp_path):
    """In a folder that several share, who came next took the name over."""
    second = Box(tmp_path)
    place = tmp_path / "control.sock"
    async with box.serving():
        await asyncio.to_thread(place.rename, tmp_path / "moved.sock")
        able = second.serving()
        await able.__aenter__()
    still = await asyncio.to_thread(place.exists)
    await able.__aexit__(None, None, None)

    assert still


@pytest.mark.asyncio
async def test_a_folder_too_deep_for_an_address_will_do(tmp_path):
    """The kernel takes 108 bytes of a path; spools lie where they lie."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    box = Box(deep)
    async with box.serving():
        assert (await box.get("/v1/health"))["ok"]


def test_without_an_agent_the_client_says_so(box):
    """Exit code 69, and what to do."""
    with pytest.raises(AgentAbsent, match="no agent runs") as raised:
        box.client.status()

    assert 69 == raised.value.exit_code


def test_an_agent_that_hangs_holds_nobody_up(box):
    """A stopped process still accepts connections."""
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(box.place))
        hung.listen()
        with pytest.raises(AgentBroken):
            box.client.get("/v1/status", within_s=0.05)


@pytest.mark.asyncio
async def test_events_begin_with_the_status(box):
    """Then comes whatever happens, and the stream ends with the agent."""
    heard: list = []
    async with box.serving():
        listening = asyncio.create_task(
            asyncio.to_thread(lambda: heard.extend(box.client.events()))
        )
        await until(lambda: box.hub._listeners)
        box.hub.moved(entry(State.STORED))
        box.hub.note("a recorder went away")
    await listening

    assert ["status", "moved", "note"] == [name for name, _ in heard]
    assert "stored" == heard[1][1]["entry"]["state"]


@pytest.mark.asyncio
async def test_a_reader_that_takes_nothing_is_cut_off(box, monkeypatch):
    """It may not pile events up in the agent."""
    monkeypatch.setattr("device.control.server.SLOW_S", 0.05)
    async with box.serving():
        reader, writer = await asyncio.open_unix_connection(str(box.place), limit=1)
        writer.write(b"GET /v1/events HTTP/1.0\r\n\r\n")
        await until(lambda: box.hub._listeners)
        async with asyncio.timeout(10):
            while box.hub._listeners:
                box.hub.note("x" * 10_000)
                await asyncio.sleep(0)
        writer.close()
        assert (await box.get("/v1/health"))["ok"]

    assert reader is not None


@pytest.mark.asyncio
async def test_as_many_listen_as_the_agent_takes(box):
    """The next one is asked to come back."""
    writers = []
    async with box.serving():
        for number in range(1, MOST_LISTENERS + 1):
            _, writer = await asyncio.open_unix_connection(str(box.place))
            writers.append(writer)
            writer.write(b"GET /v1/events HTTP/1.0\r\n\r\n")
            await until(lambda number=number: len(box.hub._listeners) == number)
        code, document = await box.raw(b"GET /v1/events HTTP/1.0\r\n\r\n")
        for writer in writers:
            writer.close()

    assert (503, "failed") == (code, document["error"])


@pytest.mark.asyncio
async def test_connections_are_bounded(box, monkeypatch):
    """Whoever holds more open than are taken is turned away, and nothing else suffers."""
    monkeypatch.setattr("device.control.listening.MOST_CONNECTIONS", 2)
    async with box.serving():
        held = []
        for _ in range(2):
            reader, writer = await asyncio.open_unix_connection(str(box.place))
            writer.write(b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"}")
            held.append(writer)
        with pytest.raises(AgentBroken):
            await box.get("/v1/health")
        for writer in held:
            writer.close()
