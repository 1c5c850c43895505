"""The README's commands, run as they stand there: a recorder, a folder, a gateway, an agent."""

import asyncio
import contextlib
import json
import re
import shlex
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path

import pytest

from device.config import CloudConfig, RecorderConfig, SpoolConfig, UploadConfig
from device.config_values import SECTIONS

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
README = (ROOT / "README.md").read_text()
USE_IT = README.split("## Use it")[1].split("\n## ")[0]
RECORDER = "/dev/serial/by-id/usb-Acme_Recorder_AM-07-if00"


def blocks(kind: str, text: str = README) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, flags=re.DOTALL)


def commands(text: str) -> list[list[str]]:
    return [
        shlex.split(line, comments=True)
        for block in blocks("console", text)
        for line in block.splitlines()
    ]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Stage:
    """The README's world moved into a scratch folder: paths and port are all that changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._moved = {
            "/etc/fieldpost/token": f"{folder}/token",
            "/var/lib/fieldpost": f"{folder}/spool",
            RECORDER: f"{folder}/port",
            "/srv/": f"{folder}/srv/",
            "127.0.0.1:8470": f"127.0.0.1:{free_port()}",
            ".venv/bin/": f"{BIN}/",
        }

    def move(self, text: str) -> str:
        for ours, theirs in self._moved.items():
            text = text.replace(ours, theirs)
        return text

    async def run(self, *argv: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            out, err = await process.communicate()

        assert process.returncode == 0, (argv, out.decode(), err.decode())
        return out.decode()

    @contextlib.asynccontextmanager
    async def background(self, *argv: str) -> AsyncIterator[str]:
        """Keep a command running; gives the first line it prints."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(30):
                first = (await process.stdout.readline()).decode()
            yield first
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()

    def prepare(self) -> None:
        """Put a recording on the recorder and one into the folder."""
        held = self.folder / "held" / "one"
        held.mkdir(parents=True)
        (held / "audio.opus").write_bytes(b"OggS" + bytes(range(256)) * 100)
        sealed = self.folder / "srv" / "recordings" / "2026-03-01"
        sealed.mkdir(parents=True)
        (sealed / "audio.opus").write_bytes(b"OggS" + bytes(range(255)) * 90)
        (sealed / "recording.json").write_text('{"metadata": {"site": "Glen"}}')
        (self.folder / "srv" / "sent").mkdir()
        (toml,) = blocks("toml", USE_IT)
        (self.folder / "fieldpost.toml").write_text(self.move(toml))


@pytest.mark.timeout(120)
def test_the_commands_of_use_it_carry_recordings(tmp_path: Path):
    """Typed as they stand, they bring a recorder's and a folder's recording to a gateway."""
    stage = Stage(tmp_path)
    stage.prepare()
    states = asyncio.run(_use_it(stage))

    assert states == {"released"}
    assert (tmp_path / "srv" / "sent" / "2026-03-01" / "recording.json").exists()
    assert not (tmp_path / "srv" / "recordings" / "2026-03-01").exists()


async def _use_it(stage: Stage) -> set[str]:
    typed = [[stage.move(word) for word in line] for line in commands(USE_IT)]
    (make,) = [line for line in typed if line[0] == "make"]
    (add,) = [line for line in typed if "devices" in line]
    (serve,) = [line for line in typed if "serve" in line]
    agent = [line for line in typed if line[0].endswith("/fieldpost")]

    assert make == ["make", "setup"]
    assert [line[3:] for line in agent] == [["config", "check"], ["run", "--once"], ["status"]]
    token = re.search(r"dtok_\S+", await stage.run(*add))
    assert token is not None
    (stage.folder / "token").touch(mode=0o600)
    (stage.folder / "token").write_text(token.group())
    recorder = ("simulate", "recorder", "--from", "held", "--link", "port")
    async with (
        stage.background(*serve),
        stage.background(str(BIN / "fieldpost"), *recorder),
    ):
        for line in agent:
            told = await stage.run(*line)
    assert "every recording pulled so far is in the cloud" in told
    listed = await stage.run(
        str(BIN / "fieldpost"), *agent[0][1:3], "spool", "ls", "--all", "--json"
    )
    return {entry["state"] for entry in json.loads(listed)["entries"]}


@pytest.mark.timeout(150)
def test_make_demo_proves_the_main_job():
    """The demo's JSON: three recordings released, equal digests everywhere, little sent twice."""
    recordings = demo("--link", "serial")

    assert {"SIM00000": 3} == released(recordings)
    assert largest_bytes(recordings) >= 3 * 1024 * 1024
    assert 0 < sum(r["bytes_resent"] for r in recordings) <= 2 * 1024 * 1024


@pytest.mark.timeout(150)
def test_make_demo_proves_it_on_bluetooth_too():
    """Both recorders are emptied; after its cut the native one sends less than a chunk again."""
    recordings = demo("--link", "ble")
    native = [r for r in recordings if r["recorder"] == "SIM00000"]

    assert {"SIM00000": 2, "BOTA0000": 2} == released(recordings)
    assert largest_bytes(recordings) >= 1024 * 1024
    assert 0 < sum(r["bytes_reread"] for r in native) <= 256 * 1024
    assert 0 < sum(r["bytes_resent"] - r["bytes_reread"] for r in recordings) <= 256 * 1024


def demo(*options: str) -> list[dict]:
    out = asyncio.run(Stage(ROOT).run(sys.executable, "-m", "tests.demo", *options, "--json"))
    told = json.loads(out)

    assert told["schema"] == 1
    return told["recordings"]


def released(recordings: list[dict]) -> Counter[str]:
    """Count by recorder the recordings that are released with equal digests everywhere."""
    return Counter(
        recording["recorder"]
        for recording in recordings
        if recording["state"] == "released"
        and all(
            1 == len({medium[f"sha256_{place}"] for place in ("recorder", "spool", "store")})
            for medium in recording["media"]
        )
    )


def largest_bytes(recordings: list[dict]) -> int:
    return max(medium["bytes"] for recording in recordings for medium in recording["media"])


def test_the_two_commands_exist():
    """`make demo` and `make test` are what the README promises first."""
    (first, *_) = blocks("console")

    assert first.split() == ["make", "demo", "make", "test"]
    assert {"demo:", "test:", "setup:"} <= set((ROOT / "Makefile").read_text().split())


def test_the_configuration_reference_is_complete():
    """Every key and default of the dataclasses is in the README's table, and nothing else."""
    table = README.split("## Configuration")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_.\[\]]+)` \| `?([^|`]+)`? \|", table, flags=re.MULTILINE))
    sections = {**SECTIONS, "recorders[]": RecorderConfig}
    keys = {f"{name}.{field.name}" for name, each in sections.items() for field in fields(each)}

    assert set(rows) == keys
    assert "| all of these in `[cloud.images]` |" in table
    assert rows["upload.chunk_bytes"] == str(UploadConfig().chunk_bytes)
    assert rows["upload.workers"] == str(UploadConfig().workers)
    assert rows["spool.min_free_bytes"] == str(SpoolConfig().min_free_bytes)
    assert rows["cloud.base_url"] == CloudConfig().base_url


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links_lead_somewhere(link: str):
    """Every relative link of the README points at a file."""
    assert (ROOT / link).exists()
