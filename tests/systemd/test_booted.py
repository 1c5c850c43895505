"""Both units under a systemd that runs: what they promise about starting, stopping and trouble."""

import json

import pytest

from tests.fakes.swayzio_api import TOKEN
from tests.systemd.box import CONFIG, PORT, RECORDINGS, REST, Box

pytestmark = pytest.mark.timeout(90)

SLOW = f"{CONFIG}[upload]\nchunk_bytes = 262144\n[network]\nmax_bytes_per_s = 1000000\n"
PARTS = "/var/lib/private/fieldpost-gateway/parts"
OBJECTS = "/var/lib/private/fieldpost-gateway/objects"
HUNT = "until pkill -KILL -f '[d]evice.decoding'; do :; done"


def start(box: Box, *units: str) -> None:
    """Start units and wait until they say that they are ready."""
    box.machine.run("systemctl", "start", *units)


def test_both_units_become_ready_and_carry_a_recording(box: Box):
    """The gateway first, then the agent against it: a folder's recording is released."""
    start(box, "fieldpost-gateway")
    box.enrol()
    start(box, "fieldpost")
    box.record("one", 100_000)
    box.until_released()

    assert ("active", "active") == tuple(
        box.machine.show(unit, "ActiveState")[0] for unit in ("fieldpost", "fieldpost-gateway")
    )
    assert "" == box.machine.told("ls", RECORDINGS)


@pytest.mark.parametrize("unit", ["fieldpost", "fieldpost-gateway"])
def test_systemd_finds_a_running_unit_hardened(box: Box, unit: str):
    """What runs is as closed as what is written."""
    looked = box.machine.run("systemd-analyze", "security", "--threshold=20", unit, check=False)

    assert 0 == looked.returncode, looked.stdout


def test_an_agent_without_a_token_runs_and_says_so(box: Box):
    """It pulls and keeps; why nothing goes up is in the journal and in `status`."""
    start(box, "fieldpost-gateway", "fieldpost")
    box.record("one", 1000)
    box.until_logged("Upload waits .*this device is not enrolled")
    (waiting,) = json.loads(box.machine.told("fieldpost", "status", "--json"))["waiting"]

    assert ("active", "0") == box.machine.show("fieldpost", "ActiveState", "NRestarts")
    assert "sealed" == waiting["state"]


def test_operators_ask_the_agent_without_being_root(box: Box):
    """Who is in the group fieldpost may use the socket; who is not, may not even see it."""
    start(box, "fieldpost")
    asks = ("curl", "-sf", "--unix-socket", "/run/fieldpost/control.sock", "http://x/v1/health")
    answers = [
        box.machine.run("setpriv", "--reuid=65534", "--regid=65534", groups, *asks, check=False)
        for groups in ("--groups=fieldpost", "--clear-groups")
    ]

    assert [True, False] == [answer.returncode == 0 for answer in answers]
    assert json.loads(answers[0].stdout)["ok"]


def test_a_reload_takes_the_new_configuration(box: Box):
    """`systemctl reload` waits for it; what is wrong is refused, and the agent carries on."""
    start(box, "fieldpost")
    box.configure(CONFIG.replace(RECORDINGS, "/srv/elsewhere"))
    good = box.machine.run("systemctl", "reload", "fieldpost", check=False)
    box.configure("[cloud]\nbase = 1\n")
    bad = box.machine.run("systemctl", "reload", "fieldpost", check=False)

    assert (0, 1) == (good.returncode, bad.returncode)
    assert ("active", "0") == box.machine.show("fieldpost", "ActiveState", "NRestarts")


def test_a_wrong_configuration_is_not_tried_again(box: Box):
    """Exit 78 ends it: in five seconds it would be as wrong."""
    box.configure("[cloud]\nbase = 1\n")
    started = box.machine.run("systemctl", "start", "fieldpost", check=False)

    assert 0 != started.returncode
    assert ("failed", "78", "0") == box.machine.show(
        "fieldpost", "ActiveState", "ExecMainStatus", "NRestarts"
    )


def test_a_stop_keeps_an_upload_in_flight(box: Box):
    """It ends in time and goes on after the start where it was: nothing is lost or sent anew."""
    size_bytes = 1_500_000
    start(box, "fieldpost-gateway")
    box.enrol()
    box.configure(SLOW)
    start(box, "fieldpost")
    box.record("one", size_bytes)
    digest = box.machine.told("sha256sum", f"{RECORDINGS}/one/audio.opus").split()[0]
    box.machine.until(f'[ "$(cat {PARTS}/* 2>/dev/null | wc -c)" -gt 500000 ]')
    box.machine.run("systemctl", "stop", "fieldpost")
    (kept,) = box.entries()
    ended = box.machine.show("fieldpost", "Result", "ExecMainStatus")
    box.configure(CONFIG)
    start(box, "fieldpost")
    box.until_released()
    there = box.machine.told("find", OBJECTS, "-type", "f", "-exec", "sha256sum", "{}", ";")
    box.machine.run("systemctl", "stop", "fieldpost")  # which saves the ledger
    sent = json.loads(box.machine.told("fieldpost", "status", "--json"))["sent_bytes_today"]

    assert ("sealed", ("success", "0")) == (kept["state"], ended)
    assert digest == there.split()[0]
    assert size_bytes <= sent < size_bytes + 400_000


def test_the_gateway_drains_on_stop(box: Box):
    """A PUT in the middle is asked to come back; what it brought is kept."""
    start(box, "fieldpost-gateway")
    box.enrol()
    box.configure(SLOW)
    start(box, "fieldpost")
    box.record("one", 1_500_000)
    box.machine.until(f'[ "$(cat {PARTS}/* 2>/dev/null | wc -c)" -gt 500000 ]')
    box.machine.run("systemctl", "stop", "fieldpost-gateway")
    ended = box.machine.show("fieldpost-gateway", "Result", "ExecMainStatus")
    box.configure(CONFIG)
    start(box, "fieldpost-gateway")
    box.machine.run("systemctl", "restart", "fieldpost")
    box.until_released()

    assert ("success", "0") == ended


def test_an_agent_that_is_killed_comes_back_and_loses_nothing(box: Box):
    """SIGKILL in the middle of an upload is one restart, and the recording arrives."""
    start(box, "fieldpost-gateway")
    box.enrol()
    box.configure(SLOW)
    start(box, "fieldpost")
    box.record("one", 1_500_000)
    box.machine.until(f'[ "$(cat {PARTS}/* 2>/dev/null | wc -c)" -gt 500000 ]')
    box.configure(CONFIG)
    box.machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "fieldpost")
    box.until_released()

    assert ("active", "1") == box.machine.show("fieldpost", "ActiveState", "NRestarts")


def test_a_killed_child_costs_a_waveform_and_nothing_else(box: Box):
    """The decoder dies at every file that damages it; agent and recording go on."""
    box.machine.write("/etc/fieldpost/token", f"{TOKEN}\n", "0600")
    box.machine.run(
        *("systemd-run", "--quiet", "--collect", "--unit=swayzio", "--service-type=notify"),
        *("--setenv=PYTHONPATH=/opt/fieldpost/code", "/opt/fieldpost/bin/python3"),
        *("/opt/fieldpost/code/tests/systemd/swayzio_service.py", "/run/swayzio"),
    )
    base_url = box.machine.told("cat", "/run/swayzio")
    box.configure(f'[cloud]\napi = "swayzio"\nbase_url = "{base_url}"\n{REST}')
    box.machine.run("systemd-run", "--quiet", "--collect", "--unit=hunt", "sh", "-c", HUNT)
    start(box, "fieldpost")
    box.record_sound("one")
    box.until_released()
    box.until_logged("No waveform of this medium")
    box.machine.run("systemctl", "stop", "swayzio")

    assert ("active", "0") == box.machine.show("fieldpost", "ActiveState", "NRestarts")


def test_a_gateway_that_is_wedged_is_restarted(box: Box):
    """One that answers nothing is killed by the watchdog, and serves again."""
    gateway = "/etc/systemd/system/fieldpost-gateway.service.d/watchdog.conf"
    box.machine.write(gateway, "[Service]\nWatchdogSec=3\n")
    box.machine.run("systemctl", "daemon-reload")
    start(box, "fieldpost-gateway")
    box.until_fed("fieldpost-gateway")
    box.machine.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "fieldpost-gateway")
    box.until_logged("Failed with result 'watchdog'", "fieldpost-gateway")
    asks = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/livez')"
    box.machine.until(f'/usr/bin/python3 -c "{asks}" 2>/dev/null')
    (restarts,) = box.machine.show("fieldpost-gateway", "NRestarts")
    box.machine.run("rm", gateway)

    assert int(restarts) >= 1  # a busy computer may make it more


def test_an_agent_that_is_wedged_is_restarted(box: Box):
    """One that makes no progress is killed by the watchdog, and carries again."""
    start(box, "fieldpost-gateway")
    box.enrol()
    box.drop_in("[Service]\nWatchdogSec=3\n")
    start(box, "fieldpost")
    box.until_fed("fieldpost")
    box.machine.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "fieldpost")
    box.until_logged("Failed with result 'watchdog'")
    box.record("one", 1000)
    box.until_released()
    state, restarts = box.machine.show("fieldpost", "ActiveState", "NRestarts")

    assert "active" == state
    assert int(restarts) >= 1  # a busy computer may make it more


def test_systemd_has_no_complaint_about_what_is_installed(box: Box):
    """Rules, users and files are understood by the very programs that read them."""
    udev = box.machine.run("udevadm", "test", "--action=add", "/sys/class/tty/tty1")
    ours = [line for line in udev.stderr.splitlines() if "78-fieldpost" in line]
    users = box.machine.run("systemd-sysusers", "fieldpost.conf")
    files = box.machine.run("systemd-tmpfiles", "--create", "fieldpost.conf")

    assert ["Reading rules file: /usr/lib/udev/rules.d/78-fieldpost.rules"] == ours
    assert ("", "") == (users.stderr, files.stderr)
    assert "fieldpost dialout" in box.machine.told("id", "-Gn", "fieldpost")
