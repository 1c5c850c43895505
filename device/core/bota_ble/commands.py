"""What a host writes to TRANSFER_CONTROL, and how the recorder's side reads it (§6)."""

LIST = b"\x01"
_START = 0x02
_CONFIRM = 0x07

# The recorder may expect the last sequence number here; the SDK of the maker's app sends 0.
ACK = b"\x10\x00\x00"
NACK = b"\x11\x00\x00"
ABORT = b"\x12\x00\x00"
ENDINGS = (ACK[0], NACK[0], ABORT[0])

FILE_ID_BYTES = 4
COMMAND_ID_BYTES = 16


def command_id(file_id: bytes) -> bytes:
    """Return the 16 bytes by which commands name a recording: its id and zeros.

    Raises:
        ValueError: It is not an id of 4 bytes.
    """
    if len(file_id) != FILE_ID_BYTES:
        raise ValueError(f"a recording's id has 4 bytes, not {len(file_id)}")
    return file_id.ljust(COMMAND_ID_BYTES, b"\0")


def start(file_id: bytes) -> bytes:
    """Return the command that makes a recorder send a recording from its first byte."""
    return bytes((_START,)) + command_id(file_id)


def confirm(file_id: bytes) -> bytes:
    """Return the command that lets a recorder delete a recording. It is not answered."""
    return bytes((_CONFIRM,)) + command_id(file_id)


def started(command: bytes) -> bytes | None:
    """Return which recording a START names; None if it is no START of exactly 17 bytes."""
    return _named(command, _START)


def confirmed(command: bytes) -> bytes | None:
    """Return which recording a CONFIRM names; None if it is none."""
    return _named(command, _CONFIRM)


def _named(command: bytes, opcode: int) -> bytes | None:
    if len(command) != 1 + COMMAND_ID_BYTES or command[0] != opcode:
        return None
    return command[1 : 1 + FILE_ID_BYTES]
