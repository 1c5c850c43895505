"""What all processes at one database must have in common: the signing key, where objects are."""

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import assert_never

from gateway.config import GatewayConfig
from gateway.config_objects import GcsConfig, S3Config
from gateway.errors import ConfigInvalid
from gateway.store import Store

_KEY, _OBJECTS = "signing-key", "objects"
_ON_PURPOSE = "to change it on purpose, stop them all and run: fieldpost-gateway adopt"


async def agree(config: GatewayConfig, store: Store) -> None:
    """Compare this process with those that were at the database before; the first one decides.

    Raises:
        ConfigInvalid: It would sign for nobody else, or find none of their objects.
    """
    if not store.shared:
        return
    if not await store.agreements.agree(_KEY, _fingerprint(config.secret)):
        raise ConfigInvalid(
            "the other gateways at this database have another signing key",
            hint=f"give this one theirs, by FIELDPOST_GATEWAY_SIGNING_KEY_FILE; {_ON_PURPOSE}",
        )
    if not await store.agreements.agree(_OBJECTS, await _objects(config)):
        raise ConfigInvalid(
            "the other gateways at this database keep their objects elsewhere",
            hint=f"FIELDPOST_GATEWAY_OBJECTS must name one bucket for all; {_ON_PURPOSE}",
        )


async def adopt(config: GatewayConfig, store: Store) -> None:
    """Let what this process has hold for all from now on."""
    await store.agreements.adopt(_KEY, _fingerprint(config.secret))
    await store.agreements.adopt(_OBJECTS, await _objects(config))


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(b"fieldpost signing key\0" + secret).hexdigest()


async def _objects(config: GatewayConfig) -> str:
    match config.objects:
        case None:
            # A folder is one process's alone, whatever it is called on another host.
            return f"folder {await asyncio.to_thread(_folder_id, config.data)}"
        case S3Config():
            return f"s3://{config.objects.bucket}/{config.objects.prefix}"
        case GcsConfig():
            return f"gs://{config.objects.bucket}/{config.objects.prefix}"
        case _:
            assert_never(config.objects)


def _folder_id(data: Path) -> str:
    path = data / "folder-id"
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii")
