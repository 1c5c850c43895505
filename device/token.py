"""Find the device token: read anew for each use, so that a new one needs no restart."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from device.config import CloudConfig
from device.errors import TokenRefused

NOT_ENROLLED = "not-enrolled"
"""What the unit's SetCredential= puts in place of a token that is not there (systemd.exec(5))."""

MAX_BYTES = 4096
_ENROL = "write the device's dtok_… into {place}, mode 0600"


def token_source(config: CloudConfig, environ: Mapping[str, str] = os.environ) -> Callable[[], str]:
    """Return a function that reads the token now, from the credential or else from token_file.

    The function does file work: call it through `asyncio.to_thread`. It raises `TokenRefused` when
    there is no usable token; recordings are then pulled and kept, and uploads wait.
    """

    def read() -> str:
        refusal = "this device is not enrolled: there is no device token"
        for place in _places(config, environ):
            try:
                token = _read(place)
            except FileNotFoundError:
                refusal = f"this device is not enrolled: there is no {place}"
                continue
            except OSError as error:
                raise TokenRefused(f"cannot read {place}: {error.strerror}") from error
            if token == NOT_ENROLLED:
                refusal = "this device is not enrolled"
            elif complaint := _unusable(token):
                raise TokenRefused(f"{place} {complaint}")
            else:
                return token
        raise TokenRefused(refusal)

    return read


def credential(environ: Mapping[str, str]) -> Path | None:
    """Return where systemd put the token (`LoadCredential=token:…`), if it did."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / "token" if folder else None
    return file if file and file.exists() else None


def token_problem(
    config: CloudConfig, *, configured: bool, environ: Mapping[str, str]
) -> str | None:
    """Say why the token file cannot be used; None when it can, or when there need not be one.

    Args:
        config: Names the token file.
        configured: Whether somebody wrote `token_file` down; only then must it exist.
        environ: `CREDENTIALS_DIRECTORY`; a credential of any content makes the file needless.
    """
    if credential(environ):
        return None
    place = config.token_file
    try:
        token = _read(place)
    except FileNotFoundError:
        return f"{place} does not exist: {_ENROL.format(place=place)}" if configured else None
    except OSError as error:
        return f"{place} cannot be read: {error.strerror}"
    complaint = None if token == NOT_ENROLLED else _unusable(token)
    return f"{place} {complaint}" if complaint else None


def token_warning(config: CloudConfig, environ: Mapping[str, str]) -> str | None:
    """Say that there is no token yet, or that others can read its file."""
    try:
        tokens = [_read(place) for place in _places(config, environ) if place.exists()]
        mode = stat.S_IMODE(config.token_file.stat().st_mode) if config.token_file.exists() else 0
    except OSError:
        return None  # `token_problem` tells
    if not set(tokens) - {NOT_ENROLLED}:
        return (
            "is not there: this device is not enrolled, so recordings are kept and uploads wait;"
            f" {_ENROL.format(place=config.token_file)}"
        )
    if credential(environ) or not mode & 0o077:
        return None
    place = config.token_file
    return f"{place} has mode {mode:04o}, so others can use it; run: chmod 0600 {place}"


def _places(config: CloudConfig, environ: Mapping[str, str]) -> Iterator[Path]:
    if found := credential(environ):
        yield found
    yield config.token_file


def _read(place: Path) -> str:
    with place.open("rb") as file:
        return file.read(MAX_BYTES + 1).decode("ascii", errors="replace").strip()


def _unusable(token: str) -> str | None:
    """Complain about text that cannot stand in an Authorization header; never quotes it."""
    if not token:
        return "is empty"
    if len(token) > MAX_BYTES or not token.isascii() or len(token.split()) > 1:
        return "does not hold one token alone on a line"
    return None if token.isprintable() else "holds characters that no token has"
