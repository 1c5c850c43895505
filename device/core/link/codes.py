"""The error numbers of the link protocol, and which of them may pass (PROTOCOL.md §8)."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """Why a recorder could not do what it was asked."""

    MALFORMED = 1
    UNKNOWN_MESSAGE = 2
    NO_SESSION = 3
    VERSION = 4
    NOT_FOUND = 5
    CHANGED = 6
    STILL_OPEN = 7
    RANGE = 8
    UNKNOWN_STREAM = 9
    STORAGE = 10
    DIGEST = 11
    TOO_LARGE = 12
    UNSUPPORTED = 13
    REFUSED = 14
    INTERNAL = 15
    ALREADY_RECORDING = 16
    NOT_RECORDING = 17
    FULL = 18
    LOW_BATTERY = 19


RETRYABLE = frozenset(
    {
        ErrorCode.NO_SESSION,
        ErrorCode.STILL_OPEN,
        ErrorCode.UNKNOWN_STREAM,
        ErrorCode.STORAGE,
        ErrorCode.INTERNAL,
    }
)
"""What may succeed when asked again. A code from a newer recorder goes by the message's own bit."""
