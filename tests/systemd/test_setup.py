"""`setup` on a booted machine: from the installed packages to a recording in the gateway."""

import json

import pytest

from tests.systemd.box import PORT, RECORDINGS, Box

pytestmark = pytest.mark.timeout(90)

URL = f"http://127.0.0.1:{PORT}/v1"


@pytest.fixture
def bare(box: Box):
    """A box whose agent nobody has configured yet, beside a gateway that runs."""
    machine = box.machine
    machine.run("rm", "-rf", "/etc/fieldpost/fieldpost.toml", "/etc/fieldpost/conf.d")
    machine.run("systemctl", "start", "fieldpost-gateway")
    yield box
    machine.run("rm", "-rf", "/etc/fieldpost/conf.d")
    machine.run("systemctl", "disable", "--now", "fieldpost", check=False)


def code(box: Box) -> str:
    """Have the gateway make a one-time code for the box."""
    asks = ("fieldpost-gateway", "devices")
    data = ("--data", "/var/lib/fieldpost-gateway", "--json")
    added = json.loads(box.machine.told(*asks, "add", "AM-07", *data))
    told = box.machine.told(*asks, "code", added["device_id"], *data)
    return json.loads(told)["code"]


def test_one_command_makes_a_box_carry_recordings(bare: Box):
    """Configured, enrolled, tried out, enabled and started; then a recording goes up."""
    options = ("--base-url", URL, "--recorder", RECORDINGS, "--code", code(bare))
    said = bare.machine.run("fieldpost", "setup", "--yes", "--json", *options, check=False)
    told = json.loads(said.stdout)
    bare.record("one", 100_000)
    bare.until_released()
    enabled = bare.machine.told("systemctl", "is-enabled", "fieldpost").strip()

    assert (0, True, "started") == (said.returncode, told["ok"], told["unit"]), said.stderr
    assert "/etc/fieldpost/conf.d/50-setup.toml" == told["file"]
    assert (("active",), "enabled") == (bare.machine.show("fieldpost", "ActiveState"), enabled)
    assert "600 root" == bare.machine.told("stat", "-c", "%a %U", "/etc/fieldpost/token").strip()


def test_a_second_time_leaves_a_running_agent_in_peace(bare: Box):
    """Nothing changed, so nothing is written or restarted."""
    options = ("--base-url", URL, "--recorder", RECORDINGS, "--code", code(bare))
    bare.machine.run("fieldpost", "setup", "--yes", *options)
    before = bare.machine.show("fieldpost", "MainPID")
    told = json.loads(bare.machine.told("fieldpost", "setup", "--yes", "--json"))

    assert (False, "running", "kept") == (told["changed"], told["unit"], told["token"]["given"])
    assert before == bare.machine.show("fieldpost", "MainPID")


def test_answers_by_a_pipe_may_leave_the_agent_for_later(bare: Box):
    """Asked for what no option says; what to type instead is told."""
    answers = f"keep\ngateway\n{URL}\n\nyes\nno\n"
    said = bare.machine.run(
        "fieldpost", "setup", "--json", "--recorder", RECORDINGS, stdin=answers, check=False
    )
    told = json.loads(said.stdout)

    assert ("skipped", "nothing") == (told["unit"], told["token"]["given"]), said.stderr
    assert "sudo systemctl enable --now fieldpost" in told["next"]
    assert ("inactive",) == bare.machine.show("fieldpost", "ActiveState")
