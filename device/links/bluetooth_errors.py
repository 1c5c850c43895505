"""What bleak, D-Bus and BlueZ raise, told as our own errors; the one place that reads their text.

A table says which words mean what; the first row that fits counts. Bluetooth stacks put the cause
into error names and sentences, so there is nothing better to go by.
"""

import re
import sys
from dataclasses import dataclass

from device.errors import LinkLost, LinkReason, LinkUnavailable

GENERAL = (OSError, EOFError, AssertionError)
"""What comes through bleak beside its own: no bus, a bus that ended, and a connection that ended
between two of bleak's steps (its assertions). TimeoutError is an OSError."""

LOST_HINT = "bring the recorder nearer and check its power; the pull goes on"

_ADDRESS = re.compile(r"ble://((?:[0-9A-F]{2}:){5}[0-9A-F]{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    words: tuple[str, ...]
    reason: LinkReason
    says: str
    hint: str


_BLOCKED = _Row(
    words=("blocked",),
    reason=LinkReason.BLOCKED,
    says="Bluetooth is blocked on this computer",
    hint="rfkill unblock bluetooth",
)

_UNPAIRED = _Row(
    words=(
        "insufficient authentication",
        "insufficient encryption",
        "not paired",
        "authenticationfailed",
        "authenticationrejected",
        "authenticationcanceled",
        "authenticationtimeout",
        "key missing",
    ),
    reason=LinkReason.NOT_PAIRED,
    says="the recorder asks to be paired with this computer first",
    hint="put it into pairing mode, then: bluetoothctl pair ADDRESS",
)

_TABLE = (
    _BLOCKED,
    _Row(
        words=("powered_off", "error.notready", "resource not ready", "no powered bluetooth"),
        reason=LinkReason.POWERED_OFF,
        says="the Bluetooth adapter is switched off",
        hint="bluetoothctl power on",
    ),
    _UNPAIRED,
    _Row(
        words=(
            "denied",
            "accessdenied",
            "notauthorized",
            "insufficient authorization",
            "permission",
            "authentication failed",
        ),
        reason=LinkReason.DENIED,
        says="this user may not use Bluetooth",
        hint="add the user to group bluetooth, then log in again",
    ),
    _Row(
        words=("adapter '", "no_ble_central_role", "no_bluetooth", "no bluetooth adapters"),
        reason=LinkReason.NO_ADAPTER,
        says="there is no such Bluetooth adapter",
        hint="plug one in; bluetoothctl list shows what there is",
    ),
    _Row(
        words=(
            "serviceunknown",
            "error.spawn",  # D-Bus would have started it, by itself or through systemd
            "nosuchunit",
            "failed to activate service",
            "namehasnoowner",
            "no such file or directory",
            "connection refused",
        ),
        reason=LinkReason.NO_ADAPTER,
        says="the Bluetooth service does not run",
        hint="systemctl start bluetooth; where there is no such service: apt install bluez",
    ),
    _Row(
        words=(
            "inprogress",
            "in progress",
            "operation already",
            "alreadyconnected",
            "error.busy",
            "le-connection-abort-by-local",
            "limit reached",
        ),
        reason=LinkReason.BUSY,
        says="the Bluetooth adapter is busy",
        hint="stop other programs that scan or connect",
    ),
    _Row(
        words=("was not found", "unknownobject", "doesnotexist", "device '"),
        reason=LinkReason.NOT_FOUND,
        says="the recorder is not in reach",
        hint="switch it on and bring it nearer; only one host can be connected to it",
    ),
)

_SILENT = _Row(
    words=(),
    reason=LinkReason.NO_ANSWER,
    says="the recorder does not answer over Bluetooth",
    hint="bring it nearer, or switch it off and on",
)

_SAY_NO_MORE = frozenset({"not connected"})
"""Causes of a loss that say no more than that it is one."""


def foreign() -> tuple[type[Exception], ...]:
    """Return every class of exception that a call into bleak can raise."""
    from bleak.exc import BleakError  # noqa: PLC0415 - only Bluetooth recorders need it

    if sys.platform != "linux":
        return (BleakError, *GENERAL)
    from dbus_fast.errors import DBusFastError  # noqa: PLC0415 - as above

    return (BleakError, DBusFastError, *GENERAL)


def unavailable(error: Exception, where: str) -> LinkUnavailable:
    """Tell why the recorder at `where` could not be connected to."""
    text = _text(error)
    row = next((row for row in _TABLE if any(word in text for word in row.words)), _SILENT)
    return _told(row, where)


def unpaired(where: str) -> LinkUnavailable:
    """Tell that the recorder at `where` has no bond with this computer."""
    return _told(_UNPAIRED, where)


def blocked(where: str) -> LinkUnavailable:
    """Tell that rfkill keeps the adapter off."""
    return _told(_BLOCKED, where)


def lost(error: Exception, where: str) -> LinkLost:
    """Tell that a connection that was there is no use any more."""
    told = str(error) or type(error).__name__
    cause = "" if told.lower() in _SAY_NO_MORE else f" ({told})"
    return gone(f"{where}: the Bluetooth connection is gone{cause}")


def gone(told: str) -> LinkLost:
    """Tell a loss in the caller's words, and what to do: there is no cable to check."""
    return LinkLost(told, hint=LOST_HINT)


def _told(row: _Row, where: str) -> LinkUnavailable:
    address = _ADDRESS.fullmatch(where)
    hint = row.hint.replace("ADDRESS", address[1]) if address else row.hint
    return LinkUnavailable(f"{where}: {row.says}", reason=row.reason, hint=hint)


def _text(error: Exception) -> str:
    """Return all that an error says, in small letters: enum members by name, D-Bus names too."""
    return " ".join([type(error).__name__, *map(str, error.args), str(error)]).lower()
