"""`simulate recorder`: options reach the simulator, events reach stdout one per line."""

import json
from pathlib import Path

import pytest

from device.simulate import recorder
from device.simulate.faults import FaultPlan
from device.simulate.recorder import SimulateOptions


@pytest.fixture
def simulated(monkeypatch):
    """What the simulator was asked for; it announces one event and ends."""
    asked = []

    async def simulate(options, announce) -> None:
        asked.append(options)
        announce({"schema": 1, "event": "ready", "pty": "/dev/pts/7"})

    monkeypatch.setattr(recorder, "simulate", simulate)
    return asked


def test_the_port_is_told_as_json(fieldpost, simulated):
    """The first line of stdout says where the recorder is."""
    said = fieldpost("simulate", "recorder")

    assert {"schema": 1, "event": "ready", "pty": "/dev/pts/7"} == json.loads(said.out)
    assert [SimulateOptions()] == simulated


def test_every_option_reaches_the_simulator(fieldpost, simulated):
    """Contents, line and faults are passed on as they were written."""
    fieldpost(
        "simulate", "recorder", "--recordings", "2", "--from", "r", "--seed", "5", "--baud", "9600",
        "--link", "port", "--flip", "1e-5", "--drop", "1e-4", "--unplug-at", "9", "--unplug-at",
        "7", "--replug-after-s", "2", "--reboot-at", "3", "--boot-garbage",
    )  # fmt: skip

    faults = FaultPlan(
        seed=5, flip=1e-5, drop=1e-4, unplug_at=(7, 9), replug_after_s=2.0, reboot_at=(3,),
        boot_garbage=True,
    )  # fmt: skip
    expected = SimulateOptions(
        recordings=2, source=Path("r"), seed=5, baud=9600, link=Path("port"), faults=faults
    )
    assert [expected] == simulated


def test_a_bluetooth_controller_reaches_the_simulator(fieldpost, simulated):
    """Contents and controller are all that a recorder on Bluetooth needs."""
    fieldpost("simulate", "recorder", "--ble", "usb:0", "--seed", "5")

    expected = SimulateOptions(seed=5, hci="usb:0", faults=FaultPlan(seed=5))
    assert [expected] == simulated


@pytest.mark.parametrize(
    "arguments", [["--link", "port"], ["--flip", "1e-5"], ["--unplug-at", "9"], ["--boot-garbage"]]
)
def test_what_needs_a_serial_line_is_refused_on_bluetooth(fieldpost, simulated, arguments):
    """Nobody believes in a fault that never happens: such options are usage errors."""
    said = fieldpost("simulate", "recorder", "--ble", "usb:0", *arguments)

    assert 2 == said.code
    assert arguments[0] in said.err
    assert [] == simulated


@pytest.mark.parametrize("arguments", [["--baud", "0"], ["--flip", "1"], ["--drop", "x"]])
def test_what_makes_no_line_is_refused(fieldpost, arguments):
    """Numbers out of range are usage errors."""
    assert 2 == fieldpost("simulate", "recorder", *arguments).code
