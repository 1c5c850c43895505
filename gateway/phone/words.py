"""What went wrong, in plain words for whoever holds the phone: what, and what to do."""

from dataclasses import dataclass

from device.errors import (
    LinkLost,
    LinkReason,
    LinkUnavailable,
    ProtocolViolation,
    RecorderBusy,
    RecorderError,
    SpoolError,
    SpoolFull,
)
from device.words import printable

CLOSER = "Move closer: the connection was lost. It goes on where it stopped."
SILENT = "The recorder does not answer: move closer, or switch it off and on."
TAKEN = "This recorder is already being synced by another phone."
UNPAIRED = "The recorder asks to be paired: do that in this phone's Bluetooth settings first."
STRANGER = "This is no recorder that the gateway knows: choose another device."
FULL = "The gateway's disk is full: tell whoever runs it. Nothing is lost: the recorder keeps all."
DISK = "The gateway's disk fails: tell whoever runs it. Nothing is lost: the recorder keeps all."
OURS = "The gateway failed unexpectedly: tell whoever runs it. Nothing is lost."

STAY = "Stay near the recorder."
STORING = "Stay a moment: the last recordings are being stored."
TELLING = "Stay a moment: the recorder is told what it may delete."
LEFT = "Nothing more to pull. What is still going up needs no phone."
NEXT = "All is stored. The recorder is told what it may delete at its next visit."
HELP = "Some recordings need help: see below."
PARTLY = "Stay a moment: the recorder has not listed all that it holds, and is asked again."
MAKING = "All but what it records now is done: that comes when the recorder is synced again."
NOTHING = "There is nothing on this recorder: you can leave."
DONE = "All done: you can leave."

TAKEN_S = 10.0
SOON_S = 2.0
LATER_S = 30.0
LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Advice:
    """What to tell, and after how many seconds coming back makes sense, if ever."""

    message: str
    retry_s: float | None


def advice(failure: BaseException | None) -> Advice:
    """Say what ended a visit."""
    told = Advice(OURS, LATER_S)
    match failure:
        case LinkLost():
            told = Advice(CLOSER, SOON_S)
        case LinkUnavailable(reason=LinkReason.NOT_PAIRED):
            told = Advice(UNPAIRED, None)
        case LinkUnavailable(reason=LinkReason.NOT_A_DEVICE):
            told = Advice(STRANGER, None)
        case LinkUnavailable() | TimeoutError():
            told = Advice(SILENT, SOON_S)
        case RecorderBusy():
            wait_s = min(max(failure.retry_after_s, SOON_S), LONGEST_S)
            told = Advice(f"The recorder is busy: {_said(failure)}. It is asked again.", wait_s)
        case ProtocolViolation():
            told = Advice(f"The recorder is not understood: {_said(failure)}.", LATER_S)
        case RecorderError():
            told = Advice(f"The recorder refuses: {_said(failure)}.", None)
        case SpoolFull():
            told = Advice(FULL, LONGEST_S)
        case SpoolError():
            told = Advice(DISK, LONGEST_S)
        case _:
            pass
    return told


def _said(error: BaseException) -> str:
    return printable(str(error)).rstrip(".")
