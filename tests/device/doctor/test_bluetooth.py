"""Checks and probe of Bluetooth, on what BlueZ and a scan would tell."""

import pytest

from device.config import RecorderConfig
from device.doctor import bluetooth
from device.doctor.running import examine
from device.errors import LinkReason, LinkUnavailable
from device.links.finding import Nearby
from device.probe import ble
from device.verdict import Verdict
from tests.fakes.scene import config_of, probe_of, scene_of

pytestmark = pytest.mark.asyncio

OK, WARNING, FAILED, SKIPPED = Verdict.OK, Verdict.WARNING, Verdict.FAILED, Verdict.SKIPPED
ADDRESS = "C0:FF:EE:00:00:01"
HERE = Nearby(address=ADDRESS, rssi_dbm=-60, driver="native")


@pytest.fixture
def scene(tmp_path):
    recorders = tuple(RecorderConfig(url=f"ble://{each}") for each in (ADDRESS, "AM-07"))
    return scene_of(config_of("https://x.example/v1", tmp_path, recorders=recorders))


@pytest.fixture
def bluez(monkeypatch):
    """Put a stand-in for what BlueZ tells; None: nobody answers."""

    def put(objects):
        class Bus:
            def __init__(self, *_):
                pass

            async def connect(self):
                return objects is not None

            async def objects(self, *_):
                return objects

            async def aclose(self):
                pass

        monkeypatch.setattr(bluetooth, "SystemBus", Bus)

    return put


@pytest.fixture
def air(monkeypatch):
    """Put what a scan hears, or how it fails; returns how often was listened."""

    def put(heard):
        listened = []

        async def nearby(adapter, _seconds):
            listened.append(adapter)
            if isinstance(heard, Exception):
                raise heard
            return heard

        for module in (bluetooth, ble):
            monkeypatch.setattr(module, "ble_nearby", nearby)
        return listened

    return put


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (None, "no Bluetooth service"),
        ({}, "no Bluetooth adapter"),
        ({"/org/bluez/hci0": {"org.bluez.Adapter1": {"Powered": False}}}, "switched off"),
        ({"/org/bluez/hci0": {"org.bluez.Adapter1": {"Powered": True}}}, "hci0 is on"),
    ],
)
async def test_the_adapter_is_there_and_on(scene, bluez, objects, said):
    """Each trouble has its own words, and its own fix."""
    bluez(objects)

    assert said in (await bluetooth.adapter(scene, "")).sentence


async def test_an_adapter_that_is_configured_must_be_there(tmp_path, bluez):
    """Those that are there are named."""
    bluez({"/org/bluez/hci0": {"org.bluez.Adapter1": {"Powered": True}}})
    recorders = (RecorderConfig(url=f"ble://{ADDRESS}?adapter=hci1"),)
    found = await bluetooth.adapter(
        scene_of(config_of("https://x.example/v1", tmp_path, recorders=recorders)), ""
    )

    assert "there is no adapter hci1; there is hci0" == found.sentence


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("bluetoothctl: 5.50", FAILED), ("5.60", WARNING), ("5.66", OK), (None, SKIPPED)],
)
async def test_bluez_must_be_new_enough(scene, monkeypatch, said, verdict):
    """By what its own program says."""

    async def asked(*_):
        return said

    monkeypatch.setattr(bluetooth, "asked", asked)

    assert verdict is (await bluetooth.bluez_version(scene, "")).verdict


async def test_one_scan_is_for_all_recorders(scene, bluez, air, monkeypatch):
    """An adapter that scans twice at once answers "in progress"."""

    async def asked(*_):
        return "5.66"

    monkeypatch.setattr(bluetooth, "asked", asked)
    bluez({"/org/bluez/hci0": {"org.bluez.Adapter1": {"Powered": True}}})
    listened = air((HERE,))
    checks = [bluetooth.CHECKS[0].__class__(code="config-valid", run=_fine), *bluetooth.CHECKS]
    results = await examine(scene, checks)

    assert [OK, FAILED] == [each.finding.verdict for each in results[-2:]]
    assert [None] == listened


async def _fine(_scene, _subject):
    from device.verdict import ok  # noqa: PLC0415 - here alone

    return ok("")


async def test_a_faint_recorder_is_a_warning(scene, air):
    """It works until it rains."""
    air((Nearby(address=ADDRESS, rssi_dbm=-92, driver="native"),))

    assert WARNING is (await bluetooth.visible(scene, f"ble://{ADDRESS}")).verdict


async def steps(tmp_path):
    probe = probe_of(f"ble://{ADDRESS}", config_of("https://x.example/v1", tmp_path))
    return {step.name: step.finding async for step in ble.steps(probe)}


async def test_a_probe_ends_where_nothing_was_heard(tmp_path, air):
    """It says what may keep a recorder silent."""
    air(())
    found = await steps(tmp_path)

    assert ["adapter", "visible"] == list(found)
    assert "phone" in (found["visible"].fix or "")


async def test_a_probe_ends_where_bluetooth_is_off(tmp_path, air):
    """With the link's own hint."""
    off = LinkUnavailable("it is off", reason=LinkReason.POWERED_OFF, hint="bluetoothctl power on")
    air(off)
    found = await steps(tmp_path)

    assert ["bluetoothctl power on"] == [each.fix for each in found.values()]


async def test_a_probe_tells_how_a_connection_fails(tmp_path, air, monkeypatch):
    """After it told how loud the recorder is, and whether it is paired."""

    class Link:
        @staticmethod
        async def open(_url):
            raise LinkUnavailable("not paired", reason=LinkReason.NOT_PAIRED, hint="pair it")

    monkeypatch.setattr(ble, "BleLink", Link)
    air((Nearby(address=ADDRESS, rssi_dbm=-60, driver="native", paired=False),))
    found = await steps(tmp_path)

    assert f"{ADDRESS} at -60 dBm, not paired" == found["visible"].sentence
    assert (FAILED, "pair it") == (found["connect"].verdict, found["connect"].fix)
