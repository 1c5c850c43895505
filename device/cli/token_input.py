"""Take a token from a file, from a pipe, or from whoever sits there; never from argv."""

import getpass
import re
import sys
from pathlib import Path

from device.cli.invocation import Invocation
from device.core.bota_ble.provisioning import MAX_TOKEN_BYTES
from device.errors import UsageInvalid
from device.token import MAX_BYTES

_TOKEN = re.compile(r"dtok_[!-~]+")
_HINT = "name a file with --token-file, or pipe the token in"
_STDIN = Path("-")


def device_token(file: Path | None, call: Invocation) -> str:
    """Read a recorder's token and see that it can be one.

    Raises:
        UsageInvalid: There is none, or it is something else; the sentence never quotes it.
    """
    token = box_token(file, call, "the recorder's device token (dtok_…; it is not shown): ")
    if not _TOKEN.fullmatch(token) or len(token) > MAX_TOKEN_BYTES:
        raise UsageInvalid(
            "this is no device token: one begins with dtok_ and stands alone, without spaces",
            hint="get a device token for this recorder from the cloud",
        )
    return token


def box_token(
    file: Path | None, call: Invocation, question: str = "the token (it is not shown): "
) -> str:
    """Read a token, whatever it is.

    Args:
        file: Where it is; `-` is standard input.
        call: Says whether anybody can be asked.
        question: For a terminal.

    Raises:
        UsageInvalid: There is none.
    """
    token = _read(file, call, question).strip()
    if not token:
        raise UsageInvalid("no token was given: there is only empty space", hint=_HINT)
    return token


def _read(file: Path | None, call: Invocation, question: str) -> str:
    try:
        if file is not None and file != _STDIN:
            with file.open("rb") as stream:
                return _text(stream.read(MAX_BYTES + 1))
        if file == _STDIN or not sys.stdin.isatty():
            return _text(sys.stdin.buffer.read(MAX_BYTES + 1))
    except OSError as error:
        place = file or "standard input"
        raise UsageInvalid(f"cannot read {place}: {error.strerror}", hint=_HINT) from error
    if not call.asks():
        raise UsageInvalid("no token was given", hint=_HINT)
    try:
        return getpass.getpass(question)
    except EOFError as error:
        raise UsageInvalid("no token was given", hint=_HINT) from error


def _text(content: bytes) -> str:
    return content.decode("ascii", errors="replace")
