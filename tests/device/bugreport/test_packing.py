"""A bug report of a box on which secrets and private things were planted wherever they may be."""

import asyncio
import io
import json
import re
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.agreed import SETTINGS
from device.bugreport import gathering, packing
from device.bugreport.packing import new_marker, report, write
from device.bugreport.scrubbing import Scrubber
from device.clock import SystemClock
from device.config import CloudConfig, Config, NetworkConfig, RecorderConfig, SpoolConfig
from device.config_file import load
from device.documents.plain import plain
from device.documents.status import status_object
from device.drivers.named_files import describe
from device.errors import ReportUnwritten
from device.glance import glance
from device.journald import LogLine
from device.model import Attempt, Unreached, Wait
from device.spool.spool import Spool
from device.verdict import ok
from tests.fakes.folder import OGG
from tests.fakes.scene import scene_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOKEN = "dtok_PLANTED_operators_token_42"
NEXT = "dtok_PLANTED_exchanged_token_43"
LOGIN = "proxyuser:PlantedProxyPass"
SIGNED = "https://store.example/b/o?X-Amz-Signature=PLANTEDSIGNATURE&X-Amz-Credential=PLANTEDKEY"
PEOPLE = ("Wilhelmine Grünspecht", "Interview with Wilhelmine")
PLACE = "52.5163, 13.3777"
ENVIRON = {"SOME_API_KEY": "PLANTED-environment-key"}
SECRETS = (
    TOKEN, NEXT, "PLANTED", "PlantedProxyPass", "Grünspecht", "Gr\\u00fcnspecht", "Wilhelmine",
    "Gr%C3%BCnspecht", "52.5163", "13.3777", "anna@field.example", "+49 30 1234567",
    "SITEMARK-7", "OggS", "opaque-nonstandard-credential", "grandmother",
)  # fmt: skip
HOME = Path("/home") / "grandmother"
POISON = (
    f"cannot send {SIGNED} for {PEOPLE[0]} at {PLACE}, token {TOKEN} and {NEXT},"
    f" Bearer abcdef123456, anna@field.example, +49 30 1234567, proxy http://{LOGIN}@proxy:3128,"
    f" SITEMARK-7, opaque-nonstandard-credential, {HOME}/x, PLANTED-environment-key"
)


@pytest.fixture
def box(tmp_path, monkeypatch):
    """A configured box with one recording; poison in every reason, warning and log line."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "images").write_text(
        json.dumps({"client_id": "some-client", "client_secret": "opaque-nonstandard-credential"})
    )
    (tmp_path / "login").write_text(LOGIN)
    for name in ("token", "images", "login"):
        (tmp_path / name).chmod(0o600)
    spool = Spool.open(SpoolConfig(path=tmp_path / "spool", min_free_bytes=0), SystemClock())
    file = tmp_path / f"{PEOPLE[1]}.opus"
    file.write_bytes(OGG)
    metadata = {"speaker": PEOPLE[0], "gps": PLACE, "site": "SITEMARK-7"}
    recording = describe([file], started_at=NOW, metadata=metadata)
    entry = spool.ingest(recording, [file]).id
    spool.save_wait(entry, Wait(code="cloud-unwell", reason=POISON, until=NOW), attempts=2)
    spool.note_attempt(entry, Attempt(at=NOW, code="cloud-unwell", reason=POISON))
    spool.save_cooldown("https://cloud.example", NOW, POISON)
    spool.save_unreached(Unreached(url="serial:///dev/x", since=NOW, problem=POISON, hint=POISON))
    spool.close()
    (tmp_path / "spool" / "token-slots").write_text(
        json.dumps({"schema_version": 1, "base": "x", "current": None, "next": NEXT})
    )
    config = Config(
        cloud=CloudConfig(
            base_url="http://127.0.0.1:9/v1",
            token_file=tmp_path / "token",
            end_user_id="anna@field.example",
        ),
        cloud_images=CloudConfig(
            api="siro", token_file=tmp_path / "images", end_user_id="+49 30 1234567"
        ),
        spool=SpoolConfig(path=tmp_path / "spool", min_free_bytes=0),
        recorders=(RecorderConfig(url="serial:///dev/x"),),
        network=NetworkConfig(proxy="http://127.0.0.1:9", proxy_login_file=str(tmp_path / "login")),
    )

    async def lines(_wanted):
        for text in (POISON, f'Sealed recording name="{PEOPLE[1]}" file=/x/{PEOPLE[1]}.opus'):
            yield LogLine(at=NOW, level="info", message=text, pid=1)

    async def examined(_scene, _checks):
        from device.doctor import Result  # noqa: PLC0415 - here alone

        return [Result(code="dns", subject=None, finding=ok(POISON), seconds=0.0)]

    monkeypatch.setattr(gathering, "lines", lines)
    monkeypatch.setattr(packing, "examine", examined)
    status = plain(status_object(glance(config, NOW), config))
    loaded = load(None, {}, needs_token=False, default=tmp_path / "none.toml")
    scene = scene_of(config, environ=ENVIRON, status=status)
    scene.loaded = type(loaded)(config=config, origins=loaded.origins, files=(), warnings=(POISON,))
    return scene


def unpacked(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {
            member.name: tar.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in tar.getmembers()
        }


@pytest.mark.asyncio
async def test_nothing_private_is_in_the_archive(box):
    """Whatever kind of secret, in whatever spelling, in whatever file."""
    made = await report(box, new_marker())
    files = unpacked(made.archive)

    assert [] == [
        (name, secret)
        for name, text in files.items()
        for secret in SECRETS
        if secret.lower() in text.lower()
    ]


@pytest.mark.asyncio
async def test_only_what_is_listed_is_in_it(box):
    """An allow-list: what nobody wrote down does not go."""
    made = await report(box, "FP-7Q2M-9XKD")
    names = {"config", "doctor", "report", "spool", "status", "versions"}

    assert {f"fieldpost-FP-7Q2M-9XKD/{name}.json" for name in names} | {
        "fieldpost-FP-7Q2M-9XKD/log.txt"
    } == set(unpacked(made.archive))


def test_what_the_gateway_set_is_in_it(box):
    """The settings that hold, as `config show` tells them, and not only what the files say."""
    with closing(Spool.open(box.loaded.config.spool, SystemClock())) as spool:
        spool.keep(SETTINGS, {"upload": {"daily_data_limit_mb": 100}})
    made = asyncio.run(report(box, new_marker()))

    assert {"value": 100, "origin": "gateway"} == json.loads(made.files["config.json"])["settings"][
        "upload.daily_data_limit_mb"
    ]


def test_a_spool_that_cannot_be_read_costs_no_report(box):
    """It may be the very reason for one."""
    (box.loaded.config.spool.path / "spool.db").write_bytes(b"no database" * 1000)
    made = asyncio.run(report(box, new_marker()))

    assert "settings" in json.loads(made.files["config.json"])


@pytest.mark.asyncio
async def test_it_still_tells_what_is_needed(box):
    """Codes, states, counts and versions survive the scrubbing."""
    made = await report(box, new_marker())
    files = {name: json.loads(c) for name, c in made.files.items() if name.endswith(".json")}

    assert {"sealed": 1} == files["spool.json"]["entries"]
    assert {"cloud-unwell": 1} == files["spool.json"]["failures"]
    assert "cloud-unwell" == files["status.json"]["waiting"][0]["code"]
    assert "0.1.0" == files["versions.json"]["packages"]["fieldpost"]
    assert "***" == files["config.json"]["settings"]["cloud.end_user_id"]["value"]
    assert "bota" == files["config.json"]["settings"]["cloud.api"]["value"]


def test_a_marker_can_be_read_out():
    """Without letters that sound or look like others."""
    assert re.fullmatch(r"FP(-[0-9A-HJKMNP-TV-Z]{4}){2}", new_marker())


def test_the_archive_is_its_owners_alone(tmp_path):
    """And a file that is there is never overwritten."""
    place = tmp_path / "r.tar.gz"
    write(b"x", place)

    assert 0o600 == place.stat().st_mode & 0o777
    with pytest.raises(ReportUnwritten):
        write(b"y", place)
    assert b"x" == place.read_bytes()


def test_short_words_are_left_alone():
    """A place called `a` must not eat every letter."""
    assert "a cat" == Scrubber.of(["a", "ca"]).text("a cat")


@pytest.mark.parametrize(
    "text",
    ["lat=52.51 lon=13.37", "latitude: 52.51", "at 52.516300,13.377700", "call +49 30 901820"],
)
def test_what_looks_private_goes_by_its_form(text):
    """Positions and telephone numbers that nobody wrote into metadata."""
    assert not re.search(r"\d{2}\.\d|901820", Scrubber().text(text))
