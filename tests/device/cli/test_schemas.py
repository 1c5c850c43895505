"""Every command's --json keeps to a schema in docs/schemas, and no command is without one."""

import asyncio
import copy
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from device.cli import commands
from device.clock import SystemClock
from device.config import SpoolConfig
from device.model import Attempt
from device.spool.spool import Spool
from tests.device.cli.daemon import Place
from tests.device.cli.schemas import SCHEMAS, complaints
from tests.device.drivers.bota_rig import recorder as bota_recorder
from tests.device.spool.recordings import recording, sealed, stored
from tests.fakes.bota_api import BotaDouble
from tests.fakes.folder import OGG

ROOT = Path(__file__).parents[3]
_ELSEWHERE = {
    "run": ["carried"],
    "pull": ["carried"],
    "upload": ["carried"],
    "recordings ls": ["recordings", "recorder-recordings"],
    "recordings show": ["recording"],
}
_OF_NO_COMMAND = {"entry.json", "error.json", "events.json"}


def schemas_of(name: str) -> list[str]:
    """The schemas of a command: `spool ls` has spool-ls.json."""
    return [f"{each}.json" for each in _ELSEWHERE.get(name, [name.replace(" ", "-")])]


def strict(schema: object) -> object:
    """The same schema, and nothing beside what it names."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema and "allOf" not in schema:
        made.setdefault("additionalProperties", False)
    return made


def beyond(name: str, document: object) -> list[str]:
    """What a document has that no schema tells of."""
    registry: Registry = Registry().with_resources(
        (each, Resource.from_contents(strict(copy.deepcopy(schema))))
        for each, schema in SCHEMAS.items()
    )
    validator = Draft202012Validator({"$ref": name}, registry=registry)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_command_has_a_schema(name):
    """Whoever adds a command tells programs what to expect of it."""
    assert [] == [each for each in schemas_of(name) if each not in SCHEMAS]


def test_no_schema_is_of_nothing():
    """One that no command prints would mislead."""
    known = {each for name in commands.COMMANDS for each in schemas_of(name)}

    assert set(SCHEMAS) == known | _OF_NO_COMMAND


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name):
    """By the rules of their own draft, and with a title."""
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert "https://json-schema.org/draft/2020-12/schema" == SCHEMAS[name]["$schema"]
    assert SCHEMAS[name]["title"]


@pytest.fixture
def entries(site, tmp_path) -> dict[str, str]:
    """A spool with a recording in every state, and a folder of recordings in the configuration."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    (folder / "one.opus").write_bytes(OGG)
    with site.config.open("a") as file:
        file.write(f'[[recorders]]\nurl = "folder://{folder}"\n')
    spool = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    ids = {name: sealed(spool, recording(f"{n:02}" * 16)).id for n, name in enumerate("ab")}
    spool.note_attempt(
        ids["b"], Attempt(at=datetime.now(UTC), code="cloud-unwell", reason="HTTP 503")
    )
    spool.quarantine(ids["b"], "siro takes no images")
    ids["c"] = stored(spool, recording("03" * 16)).id
    ids["d"] = spool.begin(recording("04" * 16)).id
    gone = stored(spool, recording("05" * 16))
    spool.release(gone.id)
    spool.close()
    return ids


CALLS = [
    ("status", ""),
    ("recorders", ""),
    ("recordings ls", ""),
    ("recordings show", "{a}"),
    ("scan", "--serial"),
    ("release", "{c} --dry-run"),
    ("spool ls", "--all"),
    ("spool show", "{b}"),
    ("spool verify", ""),
    ("spool requeue", "--all"),
    ("spool export", "--all -o {tmp}/out"),
    ("spool rebuild", "--yes"),
    ("quarantine ls", ""),
    ("quarantine show", "{b}"),
    ("config check", ""),
    ("config show", ""),
    ("config path", ""),
    ("bugreport", "-o {tmp}/report.tar.gz"),
    ("doctor", ""),
    ("probe", "folder://{tmp}/recordings"),
    ("setup", "--dry-run --no-input"),
    ("completion", "bash"),
    ("man", ""),
    ("man", "--install {tmp}/man"),
    ("version", ""),
]


@pytest.mark.parametrize(("name", "more"), CALLS, ids=lambda each: each or "-")
def test_documents_keep_to_their_schema(fieldpost, entries, tmp_path, name, more):
    """On a real spool, without an agent; and they have nothing that it does not tell of."""
    words = more.format(**entries, tmp=tmp_path).split()

    said = fieldpost(*name.split(), *words, "--json")
    document = json.loads(said.out)
    (schema,) = schemas_of(name)[:1]

    assert said.code == 0 or name == "doctor", said.err  # a bare box is not well
    assert [] == complaints(schema, document)
    assert name.startswith("quarantine") or [] == beyond(schema, document)


def test_a_recorders_settings_keep_to_their_schema(fieldpost, bota):
    """As a simulated recorder holds them."""
    source = bota_recorder()
    source.owner.settings = bytes.fromhex("02030102031212013c830000")
    bota(source)

    document = json.loads(fieldpost("settings", "ble://C0:FF:EE:00:00:01", "--json").out)

    assert [] == complaints("settings.json", document)


def test_enrolling_keeps_to_its_schema(fieldpost, bota, tmp_path):
    """A recorder's token, and the forgetting of our own."""
    bota(bota_recorder())
    file = tmp_path / "its-token"
    file.write_text("dtok_" + "0123456789abcdef" * 4)
    url = "ble://C0:FF:EE:00:00:01"

    given = fieldpost("enrol", "--recorder", url, "--token-file", str(file), "--json")
    gone = fieldpost("logout", "--yes", "--json")

    assert [] == complaints("enrol.json", json.loads(given.out))
    assert [] == complaints("logout.json", json.loads(gone.out))


def test_an_import_keeps_to_its_schema(fieldpost, entries, tmp_path):
    """Of each outcome that an export of one's own has."""
    fieldpost("spool", "export", "--all", "-o", str(tmp_path / "out"))
    document = json.loads(fieldpost("spool", "import", str(tmp_path / "out"), "--json").out)

    assert document["recordings"]
    assert [] == complaints("spool-import.json", document) + beyond("spool-import.json", document)


@pytest.mark.parametrize(
    "words", [["spool", "show", "ffff"], ["release", "{a}"], ["reload"], ["spool", "nothing"]]
)
def test_errors_keep_to_their_schema(fieldpost, entries, words):
    """Each on stderr, as one document, with the exit code that the program ends with."""
    said = fieldpost(*(word.format(**entries) for word in words), "--json")
    document = json.loads(said.err)

    assert [] == complaints("error.json", document) + beyond("error.json", document)
    assert said.code == document["exit_code"]


@pytest.mark.asyncio
async def test_documents_with_a_running_agent_keep_to_theirs(tmp_path):
    """What the agent answers is printed as if the command had found it itself."""
    async with BotaDouble(chunked=True) as bota:
        place = Place(tmp_path, bota)
        (place.recordings / "one.opus").write_bytes(OGG)
        carried = await place.json("run", "--once")
        async with place.agent():
            told = {
                "status.json": await place.json("status"),
                "reload.json": await place.json("reload"),
                "carried.json": carried,
            }

    assert {} == {
        name: complaints(name, each) for name, each in told.items() if complaints(name, each)
    }
    assert [] == beyond("carried.json", carried)


@pytest.mark.asyncio
async def test_a_simulated_recorder_announces_by_its_schema(tmp_path):
    """A document a line, from the first to the last."""
    place = Place(tmp_path)
    process = await place.start("simulate", "recorder", "--recordings", "1")
    async with asyncio.timeout(15):
        first = await process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        rest, _ = await process.communicate()
    events = [json.loads(line) for line in (first + rest).splitlines()]

    assert ["ready", "end"] == [each["event"] for each in events]
    assert [] == [text for each in events for text in beyond("simulate-recorder.json", each)]
