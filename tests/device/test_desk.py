"""Desk: what operators ask of the agent, and what it refuses."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from device.bell import Bell
from device.clock import SystemClock
from device.config import Config, RecorderConfig, SpoolConfig
from device.control.hub import Hub
from device.desk import Desk
from device.drivers.named_files import describe
from device.errors import ConfigInvalid, EntryUnknown, IllegalMove, UsageInvalid
from device.model import EntryId, Receipt, Spent, State, Wait
from device.parts import Parts
from device.progress import Silent
from device.spool.spool import Spool
from device.surroundings import NetworkKind, NetworkState
from tests.fakes.folder import OGG
from tests.fakes.surroundings import FakeSurroundings

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RECORDER = RecorderConfig(url="serial:///dev/x")


class Crew:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list = []
        self.sending: set = set()
        self.recorder: RecorderConfig | None = None
        self.regime = None

    def call(self, recorder) -> None:
        self.asked.append(("call", recorder))

    def sends(self, entry) -> bool:
        return entry in self.sending

    def recorder_of(self, _entry) -> RecorderConfig | None:
        return self.recorder

    def release(self, entry) -> None:
        self.asked.append(("release", entry.id))

    async def change(self, config) -> list[str]:
        self.asked.append(("change", config))
        return ["uploads"]


class Ledger:
    """Knows of more than is in the spool."""

    async def spent(self, day) -> tuple[Spent, ...]:
        return (Spent(kind="4g", costs=True, sent_bytes=day.day),)


@pytest.fixture
def spool(tmp_path):
    spool = Spool.open(SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), SystemClock())
    yield spool
    spool.close()


@pytest.fixture
def sealed(spool, tmp_path) -> EntryId:
    file = tmp_path / "a.opus"
    file.write_bytes(OGG)
    return spool.ingest(describe([file], started_at=NOW, metadata={}), [file]).id


@pytest.fixture
def desk(spool) -> Desk:
    parts = SimpleNamespace(
        config=Config(spool=SpoolConfig(path=spool.root), recorders=(RECORDER,)),
        clock=SystemClock(), progress=Silent(), spool=spool, sealed=Bell(), stored=Bell(),
        surroundings=FakeSurroundings(NetworkState(kind=NetworkKind.WIFI)),
    )  # fmt: skip
    assert {*vars(parts)} <= {*Parts.__dataclass_fields__}
    hub = Hub(clock=SystemClock())
    return Desk(parts=parts, crew=Crew(), hub=hub, reread=lambda: parts.config)


def store(spool: Spool, entry: EntryId) -> None:
    receipt = Receipt(cloud="bota", cloud_recording="rec_1", acknowledged_at=NOW)
    spool.store(entry, receipt)


def test_what_the_cloud_has_not_acknowledged_is_never_released(desk, sealed):
    """The recorder's copy may be the only other one."""
    with pytest.raises(IllegalMove, match="the cloud has not acknowledged it"):
        asyncio.run(desk.release(sealed))

    assert [] == desk.crew.asked


def test_what_is_set_aside_or_released_is_refused_with_the_reason(desk, spool, sealed):
    """Each state has its own."""
    spool.quarantine(sealed, "too large")
    with pytest.raises(IllegalMove, match="quarantined: too large"):
        asyncio.run(desk.release(sealed))
    spool.requeue(sealed)
    store(spool, sealed)
    spool.release(sealed)
    with pytest.raises(IllegalMove, match="released already"):
        asyncio.run(desk.release(sealed))


def test_a_stored_recording_is_asked_for_again(desk, spool, sealed):
    """What the recorder said before counts no more."""
    store(spool, sealed)
    spool.save_wait(sealed, Wait(code="recorder-refused", reason="busy"), attempts=0)
    entry = asyncio.run(desk.release(sealed))

    assert (State.STORED, None) == (entry.state, entry.wait)
    assert [("release", sealed)] == desk.crew.asked


def test_the_socket_does_not_overrule_keep(desk, spool, sealed):
    """Whoever configured it meant it."""
    store(spool, sealed)
    desk.crew.recorder = RecorderConfig(url="serial:///dev/x", release="keep")
    with pytest.raises(IllegalMove, match="release = keep is configured"):
        asyncio.run(desk.release(sealed))

    assert [] == desk.crew.asked


def test_what_goes_up_is_not_requeued_under_its_upload(desk, sealed):
    """Its session would be forgotten while it is saved."""
    desk.crew.sending.add(sealed)
    with pytest.raises(IllegalMove, match="going up at this moment"):
        asyncio.run(desk.requeue(sealed))


def test_a_requeued_entry_goes_up_at_once(desk, spool, sealed):
    """Uploads and visits are woken: it may have to be pulled anew."""
    spool.quarantine(sealed, "too large")
    before, now = asyncio.run(desk.requeue(sealed))

    assert (State.QUARANTINED, State.SEALED) == (before.state, now.state)
    assert (1, [("call", None)]) == (desk.parts.sealed.count, desk.crew.asked)


def test_an_unknown_entry_is_named(desk):
    """404 of the socket, and the command's own words."""
    for action in (desk.release, desk.requeue):
        with pytest.raises(EntryUnknown):
            asyncio.run(action(EntryId("ab" * 16)))


def test_only_configured_recorders_are_pulled_from(desk):
    """A wrong URL is a wrong question; none means all."""
    with pytest.raises(UsageInvalid, match="no recorder serial:///dev/y"):
        asyncio.run(desk.pull("serial:///dev/y"))

    assert [RECORDER.url] == asyncio.run(desk.pull(None))
    assert [("call", None)] == desk.crew.asked


def test_a_configuration_that_cannot_be_read_changes_nothing(desk):
    """The crew is not even asked."""

    def refuse():
        raise ConfigInvalid(["a", "b"])

    desk.reread = refuse
    with pytest.raises(ConfigInvalid):
        asyncio.run(desk.reload())

    assert [] == desk.crew.asked


def test_the_status_tells_what_moves(desk, sealed):
    """The spool's part and the agent's own in one document."""
    desk.hub.uploading(sealed, 0, 5, 10)
    status = asyncio.run(desk.status())

    assert ("agent", [5]) == (
        status["source"], [each["done_bytes"] for each in status["transfers"]],
    )  # fmt: skip
    assert [sealed] == [each["id"] for each in status["waiting"]]


def test_the_status_tells_what_surrounds_the_box(desk):
    """The network of this moment, and the day and the clock's fault by the cloud's own time."""
    before = asyncio.run(desk.status())
    desk.crew.regime = SimpleNamespace(
        daytime=SimpleNamespace(now=lambda: NOW, offset_s=lambda: 3600.0), ledger=Ledger()
    )
    after = asyncio.run(desk.status())

    assert ("wifi", None) == (before["network"]["kind"], before["clock_offset_s"])
    assert ("2026-03-01", 3600.0) == (after["data_today"]["day"], after["clock_offset_s"])
    assert after["warnings"][0].startswith("this box's clock is 1 h ahead")


def test_the_status_tells_what_left_this_minute(desk):
    """The ledger saves small sums after minutes; the agent knows them before."""
    desk.crew.regime = SimpleNamespace(
        daytime=SimpleNamespace(now=lambda: NOW, offset_s=lambda: 0.0), ledger=Ledger()
    )
    today = asyncio.run(desk.status())["data_today"]

    assert [{"kind": "4g", "costs": True, "sent_bytes": 1}] == today["networks"]
    assert 1 == today["counted_bytes"]


def test_what_awaits_its_answer_goes_up_still(desk, sealed):
    """Its last byte landed, so that nothing of it moves."""
    desk.crew.sending.add(sealed)
    status = asyncio.run(desk.status())

    assert ["uploading"] == [each["reason"] for each in status["waiting"]]
