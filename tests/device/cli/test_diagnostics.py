"""doctor, probe, bugreport and logs as people and programs call them."""

import json
import re
import sys
import tarfile
from pathlib import Path

import pytest

from device.cli.agent_client import AgentBroken, AgentClient
from device.cli.cmd_doctor import told_lines
from device.clock import SystemClock
from device.config import SpoolConfig
from device.doctor import Result
from device.spool.spool import Spool
from device.verdict import failed, ok, skipped, warning
from tests.device.cli.daemon import Place
from tests.device.cli.doctor_picture import picture
from tests.device.documents.test_schemas import complaints
from tests.fakes.bota_api import BotaDouble

LONG = "the certificate of gateway.example is not trusted, and that is a long sentence"
RESULTS = [
    Result(code="memory", subject=None, finding=ok("much"), seconds=0.1),
    Result(code="clock-synced", subject=None, finding=warning("hm", "timedatectl"), seconds=0.1),
    Result(code="gateway-tls", subject=None, finding=failed(LONG, LONG), seconds=0.1),
    Result(
        code="gateway-auth",
        subject=None,
        finding=skipped("not looked at, because gateway-tls failed"),
        seconds=0.0,
        because="gateway-tls",
    ),
    Result(code="serial-open", subject="serial:///dev/a-port?baud=1", finding=ok("x"), seconds=0),
]


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_wider_than_the_screen(width):
    """A phone has 40 columns."""
    told = list(told_lines(RESULTS, width, colour=False))

    assert [] == [line for line in told if len(line) > width]


def test_what_failed_comes_first_and_the_summary_last():
    """Whoever reads the first line knows what to do."""
    told = list(told_lines(RESULTS, 80, colour=False))
    marks = [line[:4] for line in told if line.startswith("[")]

    assert ["[xx]", "[!!]", "[ok]", "[ok]", "[--]"] == marks
    assert told[0].startswith("[xx] gateway-tls: ")
    assert "1 failed, 1 warning, 2 passed, 1 not looked at" == told[-1]


def test_what_hangs_on_one_failure_is_one_line():
    """Ten lines of the same cause would hide the others."""
    told = "\n".join(told_lines(RESULTS, 80, colour=False))

    assert "[--] not looked at, because gateway-tls failed: gateway-auth" in told


def test_colour_never_stands_alone():
    """Marks say the same without it."""
    coloured = "\n".join(told_lines(RESULTS, 80, colour=True))

    assert "\x1b[31m[xx]\x1b[0m" in coloured
    assert "\n".join(told_lines(RESULTS, 80, colour=False)) == re.sub(r"\x1b\[\d+m", "", coloured)


def test_doctor_tells_programs_by_its_schema(fieldpost):
    """Nobody listens at the configured address, and no agent runs."""
    said = fieldpost("doctor", "--json")
    document = json.loads(said.out)

    assert [] == complaints("doctor.json", document)
    assert (1, False) == (said.code, document["ok"])
    assert all(
        each["fix"] for each in document["checks"] if each["verdict"] in {"failed", "warning"}
    )
    assert "spool-locked-by-agent" in {
        each["code"] for each in document["checks"] if each["verdict"] == "failed"
    }


def test_doctor_of_a_broken_configuration_says_where(fieldpost, site):
    """It is a result, not an error."""
    site.config.write_text("[cloud]\nbase_url = 7\n")
    said = fieldpost("doctor")

    assert 1 == said.code
    assert f"[xx] config-valid: {site.config}:2" in said.out.replace("\n     ", " ")


def test_strict_counts_warnings(fieldpost, monkeypatch):
    """For a script that shall notice them."""

    async def examined(_scene, _checks):
        return [Result(code="a", subject=None, finding=warning("x", "y"), seconds=0.0)]

    monkeypatch.setattr("device.doctor.running.examine", examined)

    assert (0, 1) == (fieldpost("doctor").code, fieldpost("doctor", "--strict").code)


@pytest.mark.asyncio
async def test_doctor_and_probe_beside_an_agent_at_work(tmp_path):
    """Each in a process of its own: they ask the agent for what it holds, and disturb nothing."""
    async with BotaDouble(chunked=True) as bota:
        place = Place(tmp_path, bota)
        async with place.agent():
            doctor = await place.fieldpost("doctor", "--json")
            probe = await place.fieldpost("probe", "cloud", "--json")
            found = {each["code"]: each for each in json.loads(doctor.out)["checks"]}

    assert [] == complaints("doctor.json", json.loads(doctor.out))
    assert [] == complaints("probe.json", json.loads(probe.out))
    assert ("ok", "ok") == (
        found["spool-locked-by-agent"]["verdict"],
        found["gateway-tls"]["verdict"],
    )
    assert "resolve" == json.loads(probe.out)["steps"][0]["step"]


@pytest.mark.asyncio
async def test_a_report_is_written_and_its_marker_logged_by_the_agent(tmp_path):
    """The marker finds the lines that belong to it."""
    place = Place(tmp_path)
    file = tmp_path / "report.tar.gz"
    async with place.agent() as agent:
        said = await place.fieldpost("bugreport", "--json", "-o", str(file))
        document = json.loads(said.out)
        await agent.said(document["marker"])
    with tarfile.open(file) as tar:
        names = {each.name.rpartition("/")[2] for each in tar.getmembers()}

    assert [] == complaints("bugreport.json", document)
    assert ("agent", set(document["files"])) == (document["logged"], names)


def test_a_report_never_overwrites(fieldpost, tmp_path, monkeypatch):
    """It may be the only one that shows the fault."""
    monkeypatch.setattr("device.doctor.running.every_check", tuple)
    monkeypatch.setattr("device.bugreport.packing.every_check", tuple)
    file = tmp_path / "r.tar.gz"
    file.write_bytes(b"x")
    said = fieldpost("bugreport", "-o", str(file))

    assert (1, b"x") == (said.code, file.read_bytes())


def test_probe_ends_with_1_where_a_step_failed(fieldpost, tmp_path):
    """And tells each step with what to do."""
    said = fieldpost("probe", f"serial://{tmp_path}/none")

    assert 1 == said.code
    assert "[xx] port:" in said.out
    assert "try: " in said.out


@pytest.mark.parametrize("url", ["mailto://x", "", "https://["])
def test_what_cannot_be_probed_is_a_usage_error(fieldpost, url):
    """Known schemes are named."""
    assert 2 == fieldpost("probe", url).code


def test_logs_are_lines_of_json(fieldpost, tmp_path, monkeypatch):
    """One document a line, as the schema says."""
    place = tmp_path / "journalctl"
    line = {"__REALTIME_TIMESTAMP": "1772366400000000", "PRIORITY": "3", "MESSAGE": "Upload failed"}
    place.write_text(f"#!{sys.executable}\nprint({json.dumps(line)!r})\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (document,) = map(json.loads, fieldpost("logs", "--json").out.splitlines())
    text = fieldpost("logs").out

    assert [] == complaints("logs.json", document)
    assert re.search(r"(?m)^\d\d:\d\d:\d\d \[xx\] Upload failed$", text)


def test_the_picture_in_the_docs_is_what_doctor_prints():
    """Made anew by: python -m tests.device.cli.doctor_picture docs/doctor.svg."""
    assert (Path(__file__).parents[3] / "docs/doctor.svg").read_text() == picture()


def test_what_a_silent_agent_holds_is_still_known(fieldpost, site, monkeypatch):
    """Its lock tells; nobody opens a recorder behind its back."""

    def silent(_self):
        raise AgentBroken("the agent does not answer")

    monkeypatch.setattr(AgentClient, "status", silent)
    spool = Spool.open(SpoolConfig(path=site.spool, min_free_bytes=0), SystemClock())
    try:
        document = json.loads(fieldpost("doctor", "--json").out)
    finally:
        spool.close()
    found = {each["code"]: each for each in document["checks"]}

    assert "control socket does not answer" in found["spool-locked-by-agent"]["sentence"]
