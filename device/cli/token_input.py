"""Take a device token from a file, from a pipe, or from whoever sits there; never from argv."""

import getpass
import re
import sys
from pathlib import Path

from device.cli.invocation import Invocation
from device.core.bota_ble.provisioning import MAX_TOKEN_BYTES
from device.errors import UsageInvalid

_TOKEN = re.compile(r"dtok_[!-~]+")
_HINT = "name a file with --token-file, or pipe the token in"


def device_token(file: Path | None, call: Invocation) -> str:
    """Read the token and see that it can be one.

    Raises:
        UsageInvalid: There is none, or it is something else; the sentence never quotes it.
    """
    token = _read(file, call).strip()
    if not token:
        raise UsageInvalid("no token was given: there is only empty space", hint=_HINT)
    if not _TOKEN.fullmatch(token) or len(token) > MAX_TOKEN_BYTES:
        raise UsageInvalid(
            "this is no device token: one begins with dtok_ and stands alone, without spaces",
            hint="get a device token for this recorder from the cloud",
        )
    return token


def _read(file: Path | None, call: Invocation) -> str:
    try:
        if file is not None:
            with file.open("rb") as stream:
                return _text(stream.read(MAX_TOKEN_BYTES * 2))
        if not sys.stdin.isatty():
            return _text(sys.stdin.buffer.read(MAX_TOKEN_BYTES * 2))
    except OSError as error:
        place = file or "standard input"
        raise UsageInvalid(f"cannot read {place}: {error.strerror}", hint=_HINT) from error
    if not call.asks():
        raise UsageInvalid("no token was given", hint=_HINT)
    try:
        return getpass.getpass("the recorder's device token (dtok_…; it is not shown): ")
    except EOFError as error:
        raise UsageInvalid("no token was given", hint=_HINT) from error


def _text(content: bytes) -> str:
    return content.decode("ascii", errors="replace")
