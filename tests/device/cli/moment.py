"""A made-up moment of a box in a field: what the picture of `top` and the tests of pages show."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from device.cli.live_board import Board
from device.cli.live_feed import Heard
from device.cli.live_flow import STEP_S, Flow
from device.config import CloudConfig, Config, RecorderConfig, SpoolConfig
from device.documents.plain import plain
from device.documents.status import status_object
from device.documents.surroundings import live_object
from device.glance import Glance
from device.model import (
    Done,
    Entry,
    Kept,
    LastSeen,
    Lately,
    MediaKind,
    Medium,
    MediumState,
    RecorderId,
    RecorderInfo,
    Recording,
    RecordingKey,
    Spent,
    State,
    Wait,
)
from device.surroundings import Connectivity, NetworkKind, NetworkState, PowerState

NOW = datetime(2026, 3, 1, 18, 5, 30, tzinfo=UTC)
MIB = 1 << 20
PIN, BOX = RecorderId("bota:BP-0117"), RecorderId("native:AM-07")
PIN_URL, BOX_URL = "ble://BP-0117", "ble://AM-07"
CONFIG = Config(
    cloud=CloudConfig(base_url="https://api.bota.dev/v1"),
    spool=SpoolConfig(path=Path("/var/lib/fieldpost")),
    recorders=(RecorderConfig(url=PIN_URL, driver="bota"), RecorderConfig(url=BOX_URL)),
)
NETWORK = NetworkState(
    kind=NetworkKind.CELLULAR, connectivity=Connectivity.FULL, metered=True, roaming=False,
    signal_dbm=-97, radio="lte", interface="wwan0",
)  # fmt: skip


def entry(number: int, recorder: RecorderId, state: State, mib: float, **more: Any) -> Entry:
    key = RecordingKey(recorder=recorder, recording=f"rec_{number:04}", generation=0)
    medium = Medium(
        index=0, name="audio.opus", kind=MediaKind.AUDIO, content_type="audio/opus",
        size_bytes=int(mib * MIB),
    )  # fmt: skip
    return Entry(
        id=key.entry_id(),
        recording=Recording(key=key, media=(medium,)),
        state=state,
        media=(MediumState(medium=medium, file="audio.opus", pulled_bytes=int(mib * MIB / 4)),),
        begun_at=NOW - timedelta(minutes=30 - number),
        **more,
    )


def info(recorder: RecorderId, **more: Any) -> RecorderInfo:
    return RecorderInfo(recorder=recorder, driver=recorder.partition(":")[0], **more)


LATER = Wait(
    code="media-missing",
    reason="the cloud says that the audio never arrived; it is sent once more",
    until=NOW + timedelta(minutes=4, seconds=10),
)
MOVING = (
    entry(1, BOX, State.SEALED, 26),
    entry(2, BOX, State.SEALED, 3.5),
    entry(3, BOX, State.SEALED, 12, wait=LATER),
    entry(4, BOX, State.SEALED, 8),
    entry(5, PIN, State.PULLING, 11),
)


def glanced(**more: Any) -> Glance:
    """The spool at that moment."""
    known: dict[str, Any] = {
        "now": NOW,
        "exists": True,
        "pid": 812,
        "moving": MOVING,
        "counts": {
            BOX: {State.SEALED: 4, State.RELEASED: 212},
            PIN: {State.PULLING: 1, State.RELEASED: 31},
        },
        "cooldowns": {},
        "day": date(2026, 3, 1),
        "spent": (
            Spent(kind="4g", costs=True, sent_bytes=41 * MIB),
            Spent(kind="wifi", costs=False, sent_bytes=1229 * MIB),
        ),
        "limit_mb": 500,
        "hold": None,
        "heartbeat": Kept(at=NOW - timedelta(seconds=40), value={}),
        "unheard": None,
        "lately": Lately(
            since=NOW - timedelta(hours=24),
            pulled=Done(recordings=18, media_bytes=310 * MIB),
            stored=Done(recordings=14, media_bytes=262 * MIB),
            released=Done(recordings=14, media_bytes=262 * MIB),
            failures=2,
        ),
        "free_bytes": 41 << 30,
        "last_seen": (
            LastSeen(
                info=info(PIN, model="Bota Pin", battery_percent=76, pending=3,
                          capacity_bytes=1 << 30, used_bytes=96 * MIB),
                url=PIN_URL, seen_at=NOW - timedelta(seconds=50),
            ),
            LastSeen(
                info=info(BOX, model="Acme AM", battery_percent=58, charging=True, pending=0),
                url=BOX_URL, seen_at=NOW - timedelta(minutes=3),
            ),
        ),
        "unreached": (),
        "noticed": (),
    }  # fmt: skip
    return Glance(**{**known, **more})


def transfer(of: Entry, direction: str, share: float, rate: int) -> dict[str, Any]:
    return {
        "entry": of.id,
        "medium": 0,
        "direction": direction,
        "done_bytes": int(of.size_bytes * share),
        "total_bytes": of.size_bytes,
        "rate_bytes_per_s": rate,
    }


TRANSFERS = [
    transfer(MOVING[4], "pull", 0.28, 52_000),
    transfer(MOVING[0], "upload", 0.64, 188_000),
    transfer(MOVING[1], "upload", 0.37, 96_000),
]


def status(
    *, transfers: list[dict[str, Any]] | None = None, network: NetworkState = NETWORK,
    power: PowerState | None = None, offset_s: float | None = 0.2, live: bool = True, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """The document of `status --json` at that moment."""
    power = power or PowerState(battery_percent=81, charging=False)
    moving = TRANSFERS if transfers is None else transfers
    rate = sum(each["rate_bytes_per_s"] for each in moving if each["direction"] == "upload")
    told = live_object(moving, rate, network, power, offset_s) if live else None
    return plain(status_object(glanced(**more), CONFIG, told))


def board(document: Mapping[str, Any]) -> tuple[Board, float]:
    """Five minutes of a link that comes and goes, up to that moment; returns when it is too."""
    shown = Board(flow=Flow(0.0))
    paces = (0, 0, 40, 90, 150, 190, 230, 260, 240, 210, 120, 60, 15, 0, 0, 0, 30, 80, 140, 200)
    now_s, done = 0.0, 0
    for step in range(59):
        done += int(paces[step % len(paces)] * 1024 * STEP_S)
        up = {**TRANSFERS[1], "medium": 7, "done_bytes": done, "total_bytes": 1 << 40}
        now_s = step * STEP_S
        shown.take(Heard("progress", {"transfers": [up]}), now_s)
    shown.take(Heard("status", dict(document)), now_s)
    return shown, now_s
