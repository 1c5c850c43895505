"""`status` about recorders: the table, what is warned of, and what programs get."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Condition, LastSeen, RecorderId, RecorderInfo, Unreached
from device.spool.spool import Spool

URL = "ble://C0:FF:EE:00:00:01"
BOTA = RecorderInfo(
    recorder=RecorderId("bota:ABCDEF1234"),
    driver="bota",
    model="Bota Pin",
    serial="ABCDEF1234",
    firmware="1.0.17",
    capacity_bytes=1 << 30,
    used_bytes=128 << 20,
    battery_percent=76,
    charging=False,
    pending=2,
)


@pytest.fixture
def spool(site):
    """The site's spool, held as by a running agent."""
    held = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    yield held
    held.close()


def ago(**passed) -> datetime:
    """So long ago, and a little more, so that the test's own time changes no word."""
    return datetime.now(UTC) - timedelta(**passed) - timedelta(milliseconds=200)


def configure(site, *urls: str, more: str = "") -> None:
    text = "".join(f'[[recorders]]\nurl = "{url}"\n{more}' for url in urls)
    site.config.write_text(site.config.read_text() + text)


def seen(spool, info: RecorderInfo, url: str = URL, **passed) -> None:
    spool.save_last_seen(LastSeen(info=info, url=url, seen_at=ago(**(passed or {"minutes": 3}))))


def section(out: str) -> list[str]:
    lines = out.splitlines()
    rest = lines[lines.index("RECORDERS") + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def told(fieldpost) -> dict:
    return json.loads(fieldpost("status", "--json").out)


def test_recorders_are_told_in_80_columns(fieldpost, site, spool):
    """How each fares; a long name whole above its row, one never seen by its URL."""
    port = "serial:///dev/serial/by-id/usb-Acme_Recorder_AM-07-if00-port0"
    configure(site, URL, port, "ble://AM-09")
    seen(
        spool,
        replace(
            BOTA, charging=True, clock_offset_s=-3.2, conditions=(Condition.RECORDING,), pending=12
        ),
    )
    seen(
        spool,
        RecorderInfo(
            recorder=RecorderId("native:AM-07-2026-0000000000000000000001"),
            driver="native",
            model="Acme field recorder 2",
            clock_offset_s=1.9,
        ),
        port,
        days=1,
        hours=2,
    )

    assert section(fieldpost("status").out) == [
        "RECORDER         MODEL           BATTERY  STORAGE  WAITING  SEEN",
        "bota:ABCDEF1234  Bota Pin           76 %     12 %       12  3 min ago",
        "  charging, recording, clock 3 s behind",
        "native:AM-07-2026-0000000000000000000001",
        "                 Acme field re…        -        -        -  1 d 2 h ago",
        "ble://AM-09      -                     -        -        -  never",
    ]


def test_no_line_is_longer_than_80_columns(fieldpost, site, spool):
    """Even when every column is full; but for names, which are to be copied."""
    configure(site, URL)
    full = replace(
        BOTA,
        recorder=RecorderId("native:" + "N" * 13),
        model="M" * 32,
        battery_percent=100,
        used_bytes=1 << 30,
        pending=99_999,
        charging=True,
        clock_offset_s=1e9,
        conditions=tuple(Condition),
        dropped_recordings=1 << 32,
    )
    seen(spool, full, hours=23, minutes=59)
    spool.save_unreached(
        Unreached(url=URL, since=ago(hours=5), problem="far " * 60, hint="x y " * 9)
    )

    out = fieldpost("status").out.replace(str(site.spool), "")

    assert [] == [line for line in out.splitlines() if len(line) > 80]
    assert "native:NNNNNNNNNNNNN" in out


def test_two_recorders_on_one_line_are_both_told(fieldpost, site, spool):
    """A dock that takes turns shows each as it was last."""
    configure(site, URL)
    seen(spool, BOTA)
    seen(spool, replace(BOTA, recorder=RecorderId("bota:OTHER")), hours=5)

    assert ["bota:ABCDEF1234", "bota:OTHER"] == [
        line.split()[0] for line in section(fieldpost("status").out)[1:]
    ]


def test_a_recorder_that_is_not_configured_any_more_is_for_programs_alone(fieldpost, site, spool):
    """Nobody at night needs to hear of the battery of a recorder that is gone."""
    seen(spool, replace(BOTA, battery_percent=1))
    document = told(fieldpost)

    assert [] == document["warnings"]
    assert ["bota:ABCDEF1234"] == [each["recorder"] for each in document["recorders"]]
    assert "RECORDERS" not in fieldpost("status").out


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"battery_percent": 15}, "its battery is at 15 %; charge it"),
        (
            {"battery_percent": 40, "conditions": (Condition.LOW_BATTERY,)},
            "its battery is at 40 %; charge it",
        ),
        (
            {"battery_percent": None, "conditions": (Condition.LOW_BATTERY,)},
            "its battery is low; charge it",
        ),
        (
            {"used_bytes": 922 << 20},
            "its storage is 90 % full; recordings leave it once the cloud has them",
        ),
        (
            {"used_bytes": None, "conditions": (Condition.STORAGE_FULL,)},
            "its storage is full; recordings leave it once the cloud has them",
        ),
        (
            {"conditions": (Condition.FAULT,)},
            "it reports a fault; switch it off and on, and have it looked at if that stays",
        ),
        (
            {"clock_offset_s": 61.0},
            "its clock was 1 min ahead when it was connected; check the times of its recordings",
        ),
        (
            {"dropped_recordings": 1},
            "it has itself lost, or not taken, 1 recording since it was made",
        ),
    ],
)
def test_what_needs_somebody_is_warned_of(fieldpost, site, spool, change, warning):
    """What is wrong, and what to do."""
    configure(site, URL)
    seen(spool, replace(BOTA, **change))

    assert [f"bota:ABCDEF1234: {warning}"] == told(fieldpost)["warnings"]


@pytest.mark.parametrize(
    "change",
    [
        {"battery_percent": 16},
        {"battery_percent": 3, "charging": True},
        {"used_bytes": 921 << 20},
        {"clock_offset_s": -60.0},
        {"dropped_recordings": 0},
        {"conditions": (Condition.RECORDING, Condition.UPLOADING)},
    ],
)
def test_what_is_well_enough_is_not_warned_of(fieldpost, site, spool, change):
    """Warnings that cry wolf are not read."""
    configure(site, URL)
    seen(spool, replace(BOTA, **change))

    assert [] == told(fieldpost)["warnings"]


def test_a_full_recorder_that_keeps_its_recordings_needs_hands(fieldpost, site, spool):
    """Waiting for the cloud would not help there."""
    configure(site, URL, more='release = "keep"\n')
    seen(spool, replace(BOTA, used_bytes=1 << 30))
    (warning,) = told(fieldpost)["warnings"]

    assert warning.endswith("make room on it: with release = keep nothing is deleted there")


def test_old_news_is_told_with_its_age(fieldpost, site, spool):
    """A battery that was low three days ago may have been charged since."""
    configure(site, URL)
    seen(spool, replace(BOTA, battery_percent=9), days=3)

    assert ["bota:ABCDEF1234: its battery is at 9 %; charge it (seen 3 d ago)"] == (
        told(fieldpost)["warnings"]
    )


def test_an_absence_is_told_with_reason_and_remedy(fieldpost, site, spool):
    """Since when, why, what to do, and which recorder it is if that is known."""
    configure(site, URL, "ble://AM-09")
    seen(spool, BOTA)
    for url in (URL, "ble://AM-09", "ble://not-configured"):
        spool.save_unreached(
            Unreached(url=url, since=ago(hours=2), problem="it is off", hint="switch it on")
        )
    during = told(fieldpost)
    spool.close()
    after = told(fieldpost)

    assert during["warnings"] == [
        f"{URL} (bota:ABCDEF1234): not readable for 2 h: it is off; try: switch it on",
        "ble://AM-09: not readable for 2 h: it is off; try: switch it on",
    ]
    assert after["warnings"][1] == (
        "ble://AM-09: not readable when the agent last ran, first 2 h ago: it is off;"
        " try: switch it on"
    )
    assert ["problem", "it is off"] in [list(pair) for pair in during["unreached"][0].items()]


def test_a_port_that_is_not_there_is_told_once(fieldpost, site, spool):
    """What can be seen now goes before what a visit saw then."""
    configure(site, "serial:///dev/nowhere")
    spool.save_unreached(
        Unreached(url="serial:///dev/nowhere", since=ago(hours=2), problem="there is no port")
    )

    assert ["serial:///dev/nowhere: not there; plug the recorder in and switch it on"] == (
        told(fieldpost)["warnings"]
    )


def test_figures_that_cannot_be_are_no_figures(fieldpost, site, spool):
    """Used above its capacity is full; names steer no terminal; a future time is now."""
    configure(site, URL)
    hostile = replace(BOTA, model="\x1b[2JPin", used_bytes=1 << 62, pending=0xFFFF)
    seen(spool, hostile, minutes=-90)
    spool.save_unreached(
        Unreached(url=URL, since=ago(minutes=-90), problem="\x1b]0;x\x07off", hint="\nrm")
    )

    out = fieldpost("status").out

    assert "\x1b" not in out
    assert "\x07" not in out
    assert " 100 %    65535  now" in out
    assert "not readable for 0 s: \ufffd]0;x\ufffdoff; try: \ufffdrm" in " ".join(out.split())


def test_programs_get_every_figure(fieldpost, site, spool):
    """Beside the counts of recordings; null where unknown."""
    configure(site, URL)
    at = ago(minutes=3)
    spool.save_last_seen(LastSeen(info=BOTA, url=URL, seen_at=at))
    (recorder,) = told(fieldpost)["recorders"]

    assert recorder == {
        "recorder": "bota:ABCDEF1234",
        "pulling": 0,
        "sealed": 0,
        "stored": 0,
        "released": 0,
        "quarantined": 0,
        "last_seen": {
            "at": at.isoformat().replace("+00:00", "Z"),
            "url": URL,
            "driver": "bota",
            "model": "Bota Pin",
            "serial": "ABCDEF1234",
            "firmware": "1.0.17",
            "battery_percent": 76,
            "charging": False,
            "capacity_bytes": 1 << 30,
            "used_bytes": 128 << 20,
            "used_percent": 12,
            "waiting": 2,
            "dropped_recordings": None,
            "clock_offset_s": None,
            "conditions": [],
        },
    }
