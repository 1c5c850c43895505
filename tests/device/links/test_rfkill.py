"""An adapter that is off, and one that is blocked: BlueZ says the same of both."""

import pytest

from device.errors import LinkReason, LinkUnavailable
from device.links import rfkill

OFF = LinkUnavailable("hci0: off", reason=LinkReason.POWERED_OFF)


@pytest.fixture
def switches(tmp_path, monkeypatch):
    """What the kernel tells in sysfs; returns how to add a switch."""
    monkeypatch.setattr(rfkill, "SWITCHES", tmp_path / "rfkill")

    def add(kind: str, name: str, soft: str, hard: str) -> None:
        switch = tmp_path / "rfkill" / f"rfkill-{name}"
        switch.mkdir(parents=True)
        for file, text in {"type": kind, "name": name, "soft": soft, "hard": hard}.items():
            (switch / file).write_text(f"{text}\n")

    return add


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("switch", "adapter", "reason"),
    [
        (("bluetooth", "hci0", "1", "0"), None, LinkReason.BLOCKED),
        (("bluetooth", "hci0", "0", "1"), "hci0", LinkReason.BLOCKED),
        (("bluetooth", "hci0", "1", "0"), "hci1", LinkReason.POWERED_OFF),
        (("bluetooth", "hci0", "0", "0"), None, LinkReason.POWERED_OFF),
        (("wlan", "phy0", "1", "0"), None, LinkReason.POWERED_OFF),
    ],
)
async def test_a_blocked_adapter_is_told_from_one_that_is_off(switches, switch, adapter, reason):
    """Only a Bluetooth switch of the adapter in question, soft or hard, makes it blocked."""
    switches(*switch)
    told = await rfkill.told_apart(OFF, "hci0", adapter)

    assert reason is told.reason


@pytest.mark.asyncio
async def test_a_computer_without_rfkill_blocks_nothing(switches):
    """A kernel without it has no such folder."""
    assert OFF is await rfkill.told_apart(OFF, "hci0", None)


@pytest.mark.asyncio
async def test_another_failure_stays_what_it_is(switches):
    """Only an adapter that is off may be blocked."""
    switches("bluetooth", "hci0", "1", "0")
    gone = LinkUnavailable("hci0: gone", reason=LinkReason.NO_ADAPTER)

    assert gone is await rfkill.told_apart(gone, "hci0", None)
