"""Find the device token: read anew for each use, so that a new one needs no restart."""

import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from device.config import CloudConfig
from device.errors import TokenRefused

NOT_ENROLLED = "not-enrolled"
"""What the unit's SetCredential= puts in place of a token that is not there (systemd.exec(5))."""

TOKEN = "token"  # noqa: S105 - the name of a credential
TOKEN_IMAGES = "token-images"  # noqa: S105 - the name of a credential
"""Credentials of [cloud] and of [cloud.images]."""

MAX_BYTES = 4096
DEVICE_TOKEN = "dtok_"  # noqa: S105 - what one begins with
_API_KEYS = ("sk_", "rk_")
_ENROL = "run: fieldpost enrol, or write the device's dtok_… into {place}, mode 0600"
_CREDENTIAL = "write the API's credential into {place}, mode 0600"


@runtime_checkable
class Slotted(Protocol):
    """A source that has a second token while one takes the other's place. Does file work."""

    def __call__(self) -> str:
        """Return the token to use now."""
        ...

    def worked(self, token: str) -> None:
        """Take note that a token was accepted."""
        ...

    def refused(self, token: str) -> bool:
        """Take note that a token was refused; say whether another one is worth a try."""
        ...


def token_source(
    config: CloudConfig, environ: Mapping[str, str] = os.environ, *, name: str = TOKEN
) -> Callable[[], str]:
    """Return a function that reads the token now, from the credential or else from token_file.

    `name` is the credential's: one for each cloud.

    The function does file work: call it through `asyncio.to_thread`. It raises `TokenRefused` when
    there is no usable token; recordings are then pulled and kept, and uploads wait.
    """

    def read() -> str:
        refusal = "this device is not enrolled: there is no device token"
        for place in _places(config, environ, name):
            try:
                token = _read(place)
            except FileNotFoundError:
                refusal = f"this device is not enrolled: there is no {place}"
                continue
            except OSError as error:
                raise TokenRefused(f"cannot read {place}: {error.strerror}") from error
            if token == NOT_ENROLLED:
                refusal = "this device is not enrolled"
            elif complaint := unusable(token, config):
                raise TokenRefused(f"{place} {complaint}")
            else:
                return token
        raise TokenRefused(refusal)

    return read


def credential(environ: Mapping[str, str], name: str) -> Path | None:
    """Return where systemd put the token (`LoadCredential=token:…`), if it did."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder) / name if folder else None
    return file if file and file.exists() else None


def token_problem(
    config: CloudConfig, *, environ: Mapping[str, str], name: str = TOKEN
) -> str | None:
    """Say why the token file cannot be used; None when it can, or when it is not there.

    A box that is not enrolled yet pulls and keeps recordings, with or without systemd:
    `token_warning` tells.

    Args:
        config: Names the token file.
        environ: `CREDENTIALS_DIRECTORY`; a credential of any content makes the file needless.
        name: Of that credential.
    """
    if credential(environ, name):
        return None
    place = config.token_file
    try:
        token = _read(place)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{place} cannot be read: {error.strerror}"
    complaint = None if token == NOT_ENROLLED else unusable(token, config)
    return f"{place} {complaint}" if complaint else None


def token_warning(
    config: CloudConfig, environ: Mapping[str, str], *, name: str = TOKEN
) -> str | None:
    """Say that there is no token yet, that it is of the wrong kind, or that others can read it."""
    try:
        tokens = [_read(place) for place in _places(config, environ, name) if place.exists()]
        mode = stat.S_IMODE(config.token_file.stat().st_mode) if config.token_file.exists() else 0
    except OSError:
        return None  # `token_problem` tells
    if not set(tokens) - {NOT_ENROLLED}:
        return (
            "is not there: this device is not enrolled, so recordings are kept and uploads wait;"
            f" {_advice(config)}"
        )
    if config.api == "bota" and (doubt := _wrong_kind(config, tokens)):
        return doubt
    if credential(environ, name) or not mode & 0o077:
        return None
    place = config.token_file
    return f"{place} has mode {mode:04o}, so others can use it; run: chmod 0600 {place}"


def _wrong_kind(config: CloudConfig, tokens: list[str]) -> str | None:
    used = next(token for token in tokens if token != NOT_ENROLLED)
    if used.startswith(DEVICE_TOKEN) and (config.device_id or config.end_user_id):
        return (
            "holds a device token, which names its device itself: device_id and end_user_id are"
            " not used; they are for API keys (sk_…, rk_…)"
        )
    if used.startswith(_API_KEYS) and not config.end_user_id:
        return "holds an API key, which names nobody: Bota asks for end_user_id, and device_id"
    return None


def _places(config: CloudConfig, environ: Mapping[str, str], name: str) -> Iterator[Path]:
    if found := credential(environ, name):
        yield found
    yield config.token_file


def _read(place: Path) -> str:
    with place.open("rb") as file:
        return file.read(MAX_BYTES + 1).decode("ascii", errors="replace").strip()


def _advice(config: CloudConfig) -> str:
    return (_ENROL if config.api == "bota" else _CREDENTIAL).format(place=config.token_file)


def unusable(token: str, config: CloudConfig) -> str | None:
    """Complain about text that cannot stand in an Authorization header; never quotes it."""
    if not token:
        return "is empty"
    if config.oauth_url:
        return _unusable_client(token)
    if len(token) > MAX_BYTES or not token.isascii() or len(token.split()) > 1:
        return "does not hold one token alone on a line"
    return None if token.isprintable() else "holds characters that no token has"


def mistaken(token: str, config: CloudConfig) -> str | None:
    """Complain about what a person gives as a token, which `unusable` lets pass; never quotes it.

    A code with a letter missing would be kept as a token otherwise, and nobody could check it.
    """
    known = (DEVICE_TOKEN, *_API_KEYS)
    if config.api != "bota" or token.startswith(known):
        return unusable(token, config)
    return unusable(token, config) or "is no token: one begins with dtok_; a code has 8 characters"


def _unusable_client(text: str) -> str | None:
    """Complain about what is no pair of OAuth client credentials; never quotes it."""
    try:
        client = json.loads(text)
    except (ValueError, RecursionError):
        client = None
    wanted = ("client_id", "client_secret")
    if isinstance(client, dict) and all(isinstance(client.get(key), str) for key in wanted):
        return None
    return 'does not hold {"client_id": "…", "client_secret": "…"}, which oauth_url asks for'
