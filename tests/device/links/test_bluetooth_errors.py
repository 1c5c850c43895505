"""What Bluetooth stacks raise becomes our reasons."""

import asyncio

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast.errors import AuthError

from device.errors import LinkReason
from device.links import bluetooth_errors

Unavailable = BleakBluetoothNotAvailableError
Why = BleakBluetoothNotAvailableReason

TABLE = [
    (Unavailable("No Bluetooth adapters found.", Why.NO_BLUETOOTH), LinkReason.NO_ADAPTER),
    (Unavailable("No 'central' adapters.", Why.NO_BLE_CENTRAL_ROLE), LinkReason.NO_ADAPTER),
    (BleakError("adapter 'hci9' not found"), LinkReason.NO_ADAPTER),
    (
        BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["org.bluez was not provided"]),
        LinkReason.NO_ADAPTER,
    ),
    (
        BleakDBusError("org.freedesktop.DBus.Error.Spawn.ChildExited", ["Launch helper exited"]),
        LinkReason.NO_ADAPTER,
    ),
    (
        BleakDBusError(
            "org.freedesktop.systemd1.NoSuchUnit", ["Unit dbus-org.bluez.service not found."]
        ),
        LinkReason.NO_ADAPTER,
    ),
    (FileNotFoundError(2, "No such file or directory"), LinkReason.NO_ADAPTER),
    (Unavailable("No powered Bluetooth adapters", Why.POWERED_OFF), LinkReason.POWERED_OFF),
    (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), LinkReason.POWERED_OFF),
    (
        BleakDBusError("org.bluez.Error.Failed", ["Blocked through rfkill"]),
        LinkReason.BLOCKED,
    ),
    (BleakDBusError("org.bluez.Error.Blocked", []), LinkReason.BLOCKED),
    (Unavailable("no", Why.DENIED_BY_USER), LinkReason.DENIED),
    (Unavailable("no", Why.DENIED_BY_SYSTEM), LinkReason.DENIED),
    (
        BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["Rejected send message"]),
        LinkReason.DENIED,
    ),
    (PermissionError(13, "Permission denied"), LinkReason.DENIED),
    (AuthError("authentication failed: REJECTED"), LinkReason.DENIED),
    (BleakDBusError("org.bluez.Error.InProgress", ["Operation already"]), LinkReason.BUSY),
    (BleakDBusError("org.bluez.Error.AlreadyConnected", []), LinkReason.BUSY),
    (
        BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]),
        LinkReason.BUSY,
    ),
    (BleakDeviceNotFoundError("C0:", "Device with C0: was not found."), LinkReason.NOT_FOUND),
    (BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", []), LinkReason.NOT_FOUND),
    (BleakError("device 'dev_C0' not found"), LinkReason.NOT_FOUND),
    (BleakGATTProtocolError(0x05), LinkReason.NOT_PAIRED),
    (BleakGATTProtocolError(0x0F), LinkReason.NOT_PAIRED),
    (BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]), LinkReason.NOT_PAIRED),
    (BleakDBusError("org.bluez.Error.AuthenticationFailed", []), LinkReason.NOT_PAIRED),
    (TimeoutError(), LinkReason.NO_ANSWER),
    (EOFError(), LinkReason.NO_ANSWER),
    (AssertionError(), LinkReason.NO_ANSWER),
    (BleakError("failed to discover services, device disconnected"), LinkReason.NO_ANSWER),
    (BleakDBusError("org.bluez.Error.Failed", ["Software caused abort"]), LinkReason.NO_ANSWER),
]


@pytest.mark.parametrize(("error", "reason"), TABLE, ids=lambda each: str(each)[:40])
def test_every_known_error_has_its_reason(error, reason):
    """Words of bleak, D-Bus and BlueZ lead to one reason, a sentence and a way out."""
    found = bluetooth_errors.unavailable(error, "ble://AM-07")

    assert reason is found.reason
    assert str(found).startswith("ble://AM-07: ")
    assert found.hint


@pytest.mark.parametrize("error", [row[0] for row in TABLE], ids=lambda each: str(each)[:40])
def test_every_known_error_is_caught(error):
    """What is in the table is among the classes that callers catch."""
    assert isinstance(error, bluetooth_errors.foreign())


def test_a_cancellation_is_not_ours():
    """A task's cancellation passes through."""
    assert not issubclass(asyncio.CancelledError, bluetooth_errors.foreign())


def test_a_loss_names_its_cause():
    """A connection that went says with which error, even when that has no text."""
    assert "gone (EOFError)" in str(bluetooth_errors.lost(EOFError(), "ble://AM-07"))


def test_a_loss_is_not_told_twice():
    """That a lost connection is not connected says nothing more."""
    error = bluetooth_errors.lost(BleakError("Not connected"), "ble://AM-07")

    assert str(error) == "ble://AM-07: the Bluetooth connection is gone"


@pytest.mark.parametrize(
    ("where", "named"),
    [("ble://C0:FF:EE:00:00:01", "C0:FF:EE:00:00:01"), ("ble://AM-07", "ADDRESS")],
)
def test_what_to_do_names_the_address_where_it_is_known(where, named):
    """So that it can be copied."""
    hint = bluetooth_errors.unpaired(where).hint

    assert hint == f"put it into pairing mode, then: bluetoothctl pair {named}"


def test_a_loss_blames_no_cable():
    """What to do about it is possible on Bluetooth."""
    assert bluetooth_errors.lost(EOFError(), "ble://AM-07").hint == bluetooth_errors.LOST_HINT
    assert "cable" not in bluetooth_errors.LOST_HINT
