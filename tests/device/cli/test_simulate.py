"""`simulate recorder`: options reach the simulator, events reach stdout one per line."""

import json
from pathlib import Path

import pytest

from device.core.bota_ble.switches import HashForm, Switches
from device.simulate import bota, recorder
from device.simulate.bota import BotaOptions
from device.simulate.faults import FaultPlan
from device.simulate.recorder import SimulateOptions

READY = {"schema": 1, "event": "ready", "url": "serial:///dev/pts/7?baud=9600"}


@pytest.fixture
def simulated(monkeypatch):
    """What the simulator was asked for; it announces one event and ends."""
    asked = []

    async def simulate(options, announce) -> None:
        asked.append(options)
        announce(READY)

    monkeypatch.setattr(recorder, "simulate", simulate)
    return asked


def test_the_port_is_told_as_json(fieldpost, simulated):
    """The first line of stdout says where the recorder is."""
    said = fieldpost("simulate", "recorder")

    assert READY == json.loads(said.out)
    assert [SimulateOptions()] == simulated


@pytest.mark.parametrize(("options", "first"), [([], READY["url"]), (["--json"], None)])
def test_a_terminal_gets_the_url_by_itself(fieldpost, simulated, monkeypatch, options, first):
    """It is to be copied into a configuration; programs get the documents alone."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = fieldpost("simulate", "recorder", *options).out.splitlines()

    assert [first] * (first is not None) == lines[:-1]
    assert READY == json.loads(lines[-1])


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
    """Contents, controller and whether to pair are all that a recorder on Bluetooth needs."""
    fieldpost("simulate", "recorder", "--ble", "usb:0", "--seed", "5", "--pairing")

    expected = SimulateOptions(seed=5, hci="usb:0", pairing=True, faults=FaultPlan(seed=5))
    assert [expected] == simulated


def test_pairing_is_refused_on_a_serial_line(fieldpost, simulated):
    """Nobody pairs with a cable."""
    said = fieldpost("simulate", "recorder", "--pairing")

    assert 2 == said.code
    assert "--pairing is for Bluetooth" in said.err
    assert [] == simulated


def test_a_bota_recorder_does_wrong_what_it_is_told(fieldpost, monkeypatch):
    """Pairing and every fault reach it, as numbers, lists, ranges and names."""
    asked = []

    async def simulate_bota(options, announce) -> None:
        asked.append(options)

    monkeypatch.setattr(bota, "simulate_bota", simulate_bota)
    fieldpost(
        "simulate", "bota", "--ble", "usb:0", "--recordings", "2", "--from", "r", "--seed", "5",
        "--pairing", "--fault", "cuts=200,400", "--fault", "dropped=100-111", "--fault",
        "hash-form=foreign-bare", "--fault", "start-errors=0x20,17", "--fault", "v2-code=0x22",
        "--fault", "sync-active", "--fault", "stall-s=2.5", "--fault", "listed-kib=9", "--fault",
        "name=Bota-Note-7",
    )  # fmt: skip

    switches = Switches(
        needs_bond=True, cuts=frozenset({200, 400}), dropped=frozenset(range(100, 112)),
        hash_form=HashForm.FOREIGN_BARE, start_errors=(0x20, 17), v2_code=0x22, sync_active=True,
        stall_s=2.5, listed_kib=9, name="Bota-Note-7",
    )  # fmt: skip
    assert asked == [
        BotaOptions(hci="usb:0", recordings=2, source=Path("r"), seed=5, switches=switches)
    ]


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("cut=5", "did you mean cuts?"),
        ("xyz", "there are count-prefix, cuts,"),
        ("cuts=soon", "cuts=7,9 or cuts=100-111"),
        ("cuts", "cuts=7,9 or cuts=100-111"),
        ("sync-active=1", "sync-active alone"),
        ("hash-form=odd", "hash-form= one of none, bare, named, foreign, foreign-bare, wrong"),
        ("stall-s=long", "stall-s=1"),
        ("name=Bota-Note-0123456789-0123456", "room for a name of 26 bytes"),
        ("mtus=247,22", "from 23 to 517"),
    ],
)
def test_a_fault_that_there_is_none_of_is_refused(fieldpost, fault, hint):
    """A word that means nothing is a usage error that says what there is."""
    said = fieldpost("simulate", "bota", "--ble", "usb:0", "--fault", fault)

    assert 2 == said.code
    assert hint in said.err


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
