"""The JSON that programs read keeps to the schemas in docs/schemas, and has nothing beside them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from device.clock import SystemClock
from device.config import Config, RecorderConfig, SpoolConfig
from device.control.transfers import Transfers
from device.documents.entries import entry_object
from device.documents.errors import error_object
from device.documents.plain import plain
from device.documents.status import status_object
from device.documents.surroundings import live_object
from device.drivers.named_files import describe
from device.errors import ConfigInvalid, RecorderRefused, UsageInvalid
from device.glance import glance
from device.model import (
    Condition,
    EntryId,
    LastSeen,
    Receipt,
    RecorderId,
    RecorderInfo,
    State,
    Unreached,
    Wait,
)
from device.spool.spool import Spool
from device.surroundings import NetworkState, PowerState
from tests.fakes.folder import OGG

SCHEMAS = {file.name: json.loads(file.read_text()) for file in Path("docs/schemas").glob("*.json")}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def complaints(name: str, document: Any) -> list[str]:
    """What a schema has against a document."""
    registry: Registry = Registry().with_resources(
        (each, Resource.from_contents(schema)) for each, schema in SCHEMAS.items()
    )
    schema, _, part = name.partition("#")
    validator = Draft202012Validator(
        {"$ref": f"{schema}#{part}"}, registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )  # fmt: skip
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.fixture
def spool(tmp_path):
    """One recording in each state that a spool of files can have, and a recorder that was seen."""
    config = SpoolConfig(path=tmp_path / "spool", min_free_bytes=0)
    spool = Spool.open(config, SystemClock())
    ids = []
    for number in range(4):
        file = tmp_path / f"{number}.opus"
        file.write_bytes(OGG + bytes([number]))
        recording = describe([file], started_at=NOW, metadata={"site": "Glen"})
        ids.append(spool.ingest(recording, [file]).id)
    wait = Wait(code="cloud-unwell", reason="HTTP 503", until=NOW + timedelta(hours=1))
    spool.save_wait(ids[0], wait, attempts=2)
    spool.store(ids[1], Receipt(cloud="bota", cloud_recording="rec_1", acknowledged_at=NOW))
    spool.store(ids[2], Receipt(cloud="bota", cloud_recording="rec_2", acknowledged_at=NOW))
    spool.release(ids[2])
    spool.quarantine(ids[3], "too large")
    spool.save_cooldown("https://cloud", NOW + timedelta(days=9999), "slow down")
    info = RecorderInfo(
        recorder=RecorderId("native:1"), driver="native", conditions=(Condition.LOW_BATTERY,),
        battery_percent=4, clock_offset_s=-70.5,
    )  # fmt: skip
    spool.save_last_seen(LastSeen(info=info, url="serial:///dev/x", seen_at=NOW))
    spool.save_unreached(Unreached(url="serial:///dev/y", since=NOW, problem="gone"))
    yield spool
    spool.close()


@pytest.fixture
def status(spool):
    config = Config(
        spool=SpoolConfig(path=spool.root, min_free_bytes=0),
        recorders=(RecorderConfig(url="serial:///dev/x"),),
    )
    transfers = Transfers(clock=SystemClock(), changed=lambda: None)
    transfers.uploading(EntryId("ab" * 16), 0, 5, 10)
    live = live_object(transfers.objects(), 0, NetworkState(), PowerState(battery_percent=7), -1.5)
    return plain(status_object(glance(config, datetime.now(UTC)), config, live))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_one(name):
    """Each is a valid JSON Schema itself."""
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_the_status_keeps_to_its_schema(status):
    """With waiting entries, a recorder that was seen, one that was not, and a transfer."""
    assert [] == complaints("status.json", status)
    assert {"sealed", "stored"} == {each["state"] for each in status["waiting"]}
    assert status["cooldowns"]
    assert status["unreached"]


def test_the_status_has_nothing_that_the_schema_does_not_name(status):
    """A new field is written down before anybody builds on it."""
    named = SCHEMAS["status.json"]["properties"]
    inner = ("data_today", "lately", "network", "power")
    schemas = [named[part] for part in inner[:2]] + [
        SCHEMAS["status.json"]["$defs"][part] for part in inner[2:]
    ]

    assert [set()] * 4 == [
        set(status[part]) - set(schema["properties"])
        for part, schema in zip(inner, schemas, strict=True)
    ]
    assert set() == set(status) - set(named)
    for part in ("waiting", "recorders", "unreached"):
        known = set(named[part]["items"]["properties"])
        assert set() == {field for each in status[part] for field in each} - known
    seen = set(SCHEMAS["status.json"]["$defs"]["seen"]["properties"])
    assert [set()] == [
        set(each["last_seen"]) - seen for each in status["recorders"] if each["last_seen"]
    ]


def test_an_entry_keeps_to_its_schema(spool):
    """In every state."""
    entries = [plain(entry_object(each)) for each in spool.entries()]
    named = {*SCHEMAS["entry.json"]["properties"], "schema"}

    assert [[]] * 4 == [complaints("entry.json", each) for each in entries]
    assert [set()] * 4 == [set(each) - named for each in entries]
    assert set(State) - {State.PULLING} == {each["state"] for each in entries}


def test_events_keep_to_their_schema(spool, status):
    """Each by its name."""
    entry = plain(entry_object(spool.entries()[0]))
    events = {
        "status": status,
        "moved": plain({"entry": entry}),
        "progress": plain({"transfers": status["transfers"]}),
        "note": plain({"sentence": "a recorder went away"}),
    }

    assert set(SCHEMAS["events.json"]["properties"]) == set(events)
    assert [] == complaints("events.json", events)


@pytest.mark.parametrize(
    "error",
    [UsageInvalid("no", hint="yes"), ConfigInvalid(["a"]), RecorderRefused("no", wire_code=3)],
)
def test_errors_keep_to_their_schema(error):
    """With what some of them tell beyond the others."""
    document = plain(error_object(error))

    assert [] == complaints("error.json", document)
    assert set() == set(document) - set(SCHEMAS["error.json"]["properties"])
