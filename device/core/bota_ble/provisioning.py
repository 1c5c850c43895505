"""Give a Bota recorder its device token in chunks, and read what came of it (§5.3)."""

from enum import IntEnum

from device.errors import ProtocolViolation, RecorderRefused

CHUNK_OVERHEAD_BYTES = 7
"""What the ATT write and the chunk's own two bytes leave unused of an MTU, and two to spare."""
MAX_CHUNKS = 255

MAX_TOKEN_BYTES = MAX_CHUNKS * (23 - CHUNK_OVERHEAD_BYTES)
"""What fits whatever the MTU is: none is below 23."""


class Result(IntEnum):
    """PROVISIONING_RESULT."""

    OK = 0
    INVALID_TOKEN = 1
    STORAGE_ERROR = 2
    CHUNK_ERROR = 3
    ALREADY_PAIRED = 4


_SENTENCES = {
    Result.INVALID_TOKEN: "the recorder does not take this token",
    Result.STORAGE_ERROR: "the recorder cannot store the token",
    Result.CHUNK_ERROR: "the recorder lost a part of the token",
    Result.ALREADY_PAIRED: "the recorder already has a token",
}
_HINTS = {
    Result.INVALID_TOKEN: "compare it with the token that the cloud gave out, or get a new one",
    Result.STORAGE_ERROR: "switch the recorder off and on, then try again",
    Result.ALREADY_PAIRED: "for another, first remove it from its account with its maker's app",
    Result.CHUNK_ERROR: "try again, nearer to the recorder",
}


def token_chunks(token: str, mtu_bytes: int) -> list[bytes]:
    """Cut a token into the writes of DEVICE_TOKEN, `[index, total, part]` each.

    Raises:
        ValueError: There is no token, or it is too long for 255 chunks of this MTU.
    """
    whole = token.encode()
    size = mtu_bytes - CHUNK_OVERHEAD_BYTES
    if size <= 0:
        raise ValueError(f"no token fits through an MTU of {mtu_bytes} bytes")
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    if not 0 < len(parts) <= MAX_CHUNKS:
        raise ValueError(f"a token of {len(whole)} bytes takes {len(parts)} chunks, not 1 to 255")
    return [bytes((index, len(parts))) + part for index, part in enumerate(parts)]


def check_result(value: bytes) -> None:
    """Return if PROVISIONING_RESULT says that the token was taken.

    Raises:
        ProtocolViolation: It says nothing at all.
        RecorderRefused: It says why not; `wire_code` is the result.
    """
    if not value:
        raise ProtocolViolation("an empty provisioning result")
    if value[0] == Result.OK:
        return
    known = Result(value[0]) if value[0] in tuple(Result) else None
    sentence = _SENTENCES[known] if known else f"the recorder answers the token with {value[0]}"
    hint = _HINTS[known] if known else "note its firmware version and report it to its maker"
    raise RecorderRefused(sentence, wire_code=value[0], hint=hint)
