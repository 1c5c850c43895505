"""Checks of box, spool and recorders, on files that stand for the kernel's."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.config import Config, RecorderConfig, SpoolConfig
from device.doctor import bluetooth, box, folders, serial, service, spool
from device.errors import ConfigInvalid, SpoolError
from device.verdict import Verdict
from tests.fakes.clock import FakeClock
from tests.fakes.scene import config_of, scene_of

pytestmark = pytest.mark.asyncio

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PORT = "serial:///dev/serial/by-id/usb-AM-07"


def status(**more):
    backlog = {"recordings": 0, "bytes": 0, "oldest_at": None}
    agent = {"running": True, "pid": 4711}
    told = {"source": "agent", "agent": agent, "warnings": [], "backlog": backlog}
    return {**told, "recorders": [], "unreached": [], "cooldowns": {}, **more}


def seen(url: str, at: datetime):
    last = {"url": url, "at": at.isoformat(), "serial": "AM-07", "model": "m"}
    return {"last_seen": last, "quarantined": 0}


async def test_the_first_problem_of_a_configuration_is_told_with_its_line():
    """And how many more there are."""
    scene = scene_of(None, problem=ConfigInvalid(["fieldpost.toml:3: odd", "another"]))
    found = await box.config_valid(scene, "")

    assert (FAILED, "fieldpost.toml:3: odd (and 1 more)") == (found.verdict, found.sentence)


async def test_a_clock_of_1970_is_a_failure():
    """It was never set, whoever claims to keep it."""
    scene = scene_of(Config(), clock=FakeClock(datetime(1970, 1, 1, tzinfo=UTC)))

    assert FAILED is (await box.clock_synced(scene, "")).verdict


@pytest.mark.parametrize(
    ("life", "eol", "verdict"),
    [("0x01 0x02", "0x01", OK), ("0x0a 0x01", "0x01", WARNING), ("0x01 0x01", "0x03", WARNING)],
)
async def test_a_worn_card_is_told(tmp_path, life, eol, verdict):
    """Before it fails, by the card's own word."""
    device = tmp_path / "sys/class/block/mmcblk0/device"
    device.mkdir(parents=True)
    (device / "life_time").write_text(f"{life}\n")
    (device / "pre_eol_info").write_text(f"{eol}\n")

    assert verdict is (await box.storage_card(scene_of(Config(), root=tmp_path), "")).verdict


async def test_little_memory_is_a_warning(tmp_path):
    """The agent's own share is told where its process can be seen."""
    (tmp_path / "proc/4711").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 1 kB\nMemAvailable:   1024 kB\n")
    (tmp_path / "proc/4711/status").write_text("VmRSS:\t  65536 kB\n")
    scene = scene_of(Config(), root=tmp_path, status=status())

    assert WARNING is (await box.memory(scene, "")).verdict


async def test_a_full_disk_stops_pulling(tmp_path):
    """What is kept free is told beside what is."""
    config = Config(spool=SpoolConfig(path=tmp_path, min_free_bytes=1 << 60))
    found = await spool.space(scene_of(config), "")

    assert (FAILED, True) == (found.verdict, "pulling stops" in found.sentence)


async def test_a_spool_that_can_be_written_leaves_nothing_behind(tmp_path):
    """The trial has no name, so that no crash leaves it."""
    found = await spool.writable(scene_of(Config(spool=SpoolConfig(path=tmp_path))), "")

    assert (OK, []) == (found.verdict, list(tmp_path.iterdir()))


async def test_what_waits_too_long_is_a_warning():
    """A day is too long."""
    oldest = (NOW - timedelta(days=3)).isoformat()
    backlog = {"recordings": 2, "bytes": 4096, "oldest_at": oldest}
    found = await spool.oldest(scene_of(Config(), status=status(backlog=backlog)), "")

    assert (WARNING, "the oldest of 2 recordings, 4.0 KiB waits for 3 d") == (
        found.verdict,
        found.sentence,
    )


async def test_quarantine_is_never_called_well():
    """It is not in the cloud, and nobody tries any more."""
    aside = [{"quarantined": 1, "last_seen": None}]

    assert (
        WARNING
        is (await spool.oldest(scene_of(Config(), status=status(recorders=aside)), "")).verdict
    )


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (status(), OK),
        (status(source="spool"), FAILED),
        (status(agent={"running": False, "pid": None}), FAILED),
    ],
)
async def test_an_agent_that_does_not_answer_is_not_well(told, verdict):
    """It may hold the spool and be wedged."""
    assert verdict is (await service.spool_locked(scene_of(Config(), status=told), "")).verdict


async def test_a_spool_that_may_not_be_read_says_who_may():
    """The error's own hint is the fix."""
    scene = scene_of(Config(), trouble=SpoolError("no", hint="sudo fieldpost doctor"))
    found = await service.spool_locked(scene, "")

    assert (FAILED, "sudo fieldpost doctor") == (found.verdict, found.fix)


async def test_a_port_that_the_agent_holds_is_not_opened():
    """The agent tells when it met the recorder."""
    told = status(recorders=[seen(PORT, NOW - timedelta(minutes=1))])
    found = await serial.opens(scene_of(Config(), status=told), PORT)

    assert (OK, "the agent met AM-07 1 min ago") == (found.verdict, found.sentence)


async def test_a_recorder_the_agent_fails_at_is_told_in_its_words():
    """With its own hint."""
    failing = {"url": PORT, "problem": "nobody answers", "hint": "switch it on"}
    found = await serial.opens(scene_of(Config(), status=status(unreached=[failing])), PORT)

    assert (FAILED, "switch it on") == (found.verdict, found.fix)


async def test_a_port_that_is_not_there_says_how_to_list_them(tmp_path):
    """As does one that this user may not use."""
    found = await serial.permission(scene_of(Config()), f"serial://{tmp_path}/no")

    assert (FAILED, True) == (found.verdict, "fieldpost scan --serial" in (found.fix or ""))


async def test_a_user_without_a_name_is_told_by_its_number(tmp_path, monkeypatch):
    """In a container, and for a service's user of the moment, nobody knows one."""
    port = tmp_path / "tty"
    port.touch()

    def nameless(_key: object) -> None:
        raise KeyError

    monkeypatch.setattr("device.doctor.serial.os.access", lambda *_args: False)
    monkeypatch.setattr("device.doctor.serial.pwd.getpwuid", nameless)
    monkeypatch.setattr("device.doctor.serial.pwd.getpwnam", nameless)
    found = await serial.permission(scene_of(Config()), f"serial://{port}")

    assert FAILED is found.verdict
    assert f"user {os.geteuid()} may not use the port" in found.sentence


async def test_recorders_are_looked_at_by_their_kind(tmp_path: Path):
    """Nothing is said of Bluetooth where no recorder is on it."""
    recorders = tuple(RecorderConfig(url=url) for url in (PORT, f"folder://{tmp_path}"))
    scene = scene_of(config_of("https://x.example/v1", tmp_path, recorders=recorders))

    assert ([PORT], [], [f"folder://{tmp_path}"]) == (
        serial.recorders(scene),
        bluetooth.once(scene),
        folders.recorders(scene),
    )


@pytest.mark.parametrize(("name", "verdict"), [("", OK), ("missing", FAILED), ("file", FAILED)])
async def test_a_folder_must_be_there(tmp_path, name, verdict):
    """A card that is not mounted shows as a missing folder."""
    (tmp_path / "file").touch()
    url = f"folder://{tmp_path}/{name}".rstrip("/")
    config = config_of("https://x.example/v1", tmp_path, recorders=(RecorderConfig(url=url),))

    assert verdict is (await folders.readable(scene_of(config), url)).verdict
