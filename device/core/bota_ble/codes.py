"""The error numbers of a Bota recorder, and what each of them means for a pull (§6.2)."""

from enum import IntEnum

from device.errors import MediumGone, RecorderBusy, RecorderError, RecorderRefused

BUSY_S = 30.0


class BotaError(IntEnum):
    """The last byte of an ERROR packet."""

    OK = 0x00
    INVALID_COMMAND = 0x01
    INVALID_STATE = 0x02
    INVALID_PARAMETER = 0x03
    STORAGE_FULL = 0x10
    NOT_FOUND = 0x11
    TRANSFER_FAILED = 0x12
    KEY_UNAVAILABLE = 0x14
    UPLOAD_BUSY = 0x20
    V2_REQUIRED = 0x21
    V2_REQUIRED_TOO = 0x22
    NETWORK = 0x30
    UPLOAD_FAILED = 0x31
    UNKNOWN = 0xFF


NEVER = frozenset({BotaError.INVALID_COMMAND, BotaError.INVALID_PARAMETER})
"""It does not take our commands for what they are."""

V2_HINT = (
    "its firmware uploads encrypted (v2), which only the maker's own app and cloud can take over"
)


def final(code: int) -> RecorderError | None:
    """Return what an ERROR's code ends a pull with; None if asking again at once may help.

    The maker's own papers differ on 0x20 to 0x22. Here 0x20 is an upload of the recorder's own that
    will end, and the other two forbid this profile for good. 0x14 is a file that exists and cannot
    be read: neither "not found" nor worth another try.
    """
    match code:
        case BotaError.NOT_FOUND:
            return MediumGone("the recorder does not have this recording any more")
        case BotaError.KEY_UNAVAILABLE:
            return RecorderRefused(
                "the recorder has lost the key to this recording and cannot read it itself",
                wire_code=code,
            )
        case BotaError.UPLOAD_BUSY:
            return RecorderBusy("the recorder is uploading by itself", retry_after_s=BUSY_S)
        case BotaError.V2_REQUIRED | BotaError.V2_REQUIRED_TOO:
            return RecorderRefused(
                "the recorder does not give this recording away unencrypted",
                wire_code=code,
                hint=V2_HINT,
            )
        case _ if code in NEVER:
            return refused(code)
        case _:
            return None


def refused(code: int) -> RecorderRefused:
    """Return what a code becomes when asking again has not helped."""
    return RecorderRefused(f"the recorder cannot send this: error 0x{code:02X}", wire_code=code)
