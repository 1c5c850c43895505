"""Enrolment: how a device token comes to this box, is checked, is exchanged, and is forgotten.

A token that works is never given up for one that does not: the new one is on the disk beside it
before it is used for the first time.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from device.clock import SystemClock
from device.cloud.bota import Bota
from device.cloud_facts import FACTS
from device.config import CloudConfig, Config
from device.core import bota_api
from device.core.http_answer import ApiAnswer
from device.errors import (
    CloudError,
    CloudRejected,
    CloudUnreachable,
    SpoolError,
    TokenNotKept,
    TokenRefused,
    UsageInvalid,
)
from device.outlet import open_outlet
from device.slots import FILE, SlottedToken, exchange, owner_of
from device.spool.durable import settle_folder, write_file
from device.token import mistaken, token_source
from device.transport import Transport

_AS_ROOT = "run it as the owner of the file, or with sudo"
_STAYS = "the token that is here stays; see what is in the way: fieldpost probe cloud"
_NEW_CODE = "make another code: fieldpost-gateway devices code DEVICE"
TRIES = 3
"""A lost answer to a code is asked for again: the gateway gives the same token for one nonce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A token that is in its file; `checked` is whether the cloud has accepted it."""

    file: Path
    checked: bool


def loses_old_at_once(cloud: CloudConfig) -> bool:
    """Say whether a token that is exchanged is dead before the answer has arrived: Bota's own."""
    return cloud.base_url.rstrip("/") == FACTS["bota"].base_url


async def redeem(config: Config, code: str) -> str:
    """Get a device token from our gateway for a one-time code.

    Raises:
        TokenRefused: The code is wrong, used, or too old.
        CloudError: The gateway cannot be reached, or is none.
        UsageInvalid: The configured API has no codes.
    """
    if config.cloud.api != "bota":
        raise UsageInvalid(f"{config.cloud.api} has no one-time codes: they are the gateway's")
    body = {"code": code.strip(), "enrol_nonce": secrets.token_urlsafe(24)}
    url = f"{config.cloud.base_url.rstrip('/')}/enrol"
    async with _way_out(config) as transport:
        answer = await _asked(transport, url, body)
    if answer.status in {200, 201}:
        return bota_api.parse_token(answer)
    try:
        bota_api.refuse(answer, doing="enrol with this code")
    except (TokenRefused, CloudRejected) as error:
        raise TokenRefused(str(error), hint=_NEW_CODE) from error


async def keep(config: Config, token: str, environ: Mapping[str, str] = os.environ) -> Kept:
    """Check a token and put it into the token file.

    Without a token that works, one that cannot be checked now is kept all the same.

    Raises:
        TokenRefused: The cloud does not take it; what was there stays.
        CloudError: Nobody can tell whether it would work; what was there stays.
        TokenNotKept: The file cannot be written.
    """
    if complaint := mistaken(token, config.cloud):
        raise UsageInvalid(f"the token {complaint}")
    file = config.cloud.token_file
    staged = await asyncio.to_thread(_stage, file, token)
    try:
        checked = await _accepted(config, token)
    except TokenRefused:
        await asyncio.to_thread(_discard, staged)
        raise
    except CloudError as error:
        if await asyncio.to_thread(_has_token, config, environ):
            await asyncio.to_thread(_discard, staged)
            error.hint = error.hint or _STAYS
            raise
        checked = False
    # An agent that runs was given the old one by systemd, and looks into its spool for what came
    # after it. Without an old one, or a spool, it reads the file when it starts.
    with suppress(SpoolError, TokenRefused):
        await asyncio.to_thread(_slots(config, environ).put, token)
    await asyncio.to_thread(_promote, staged, file)
    return Kept(file=file, checked=checked)


async def rotate(config: Config, environ: Mapping[str, str] = os.environ) -> bool:
    """Exchange the token, and prove the new one; say whether it has worked.

    Raises:
        UsageInvalid: It is no device token, or there is no spool to keep the next one in.
        TokenRefused: The one in use does not work.
        CloudError: The cloud cannot be asked; the one in use stays.
        SpoolError: The next one cannot be stored.
    """
    folder = config.spool.path
    if config.cloud.api != "bota":
        raise UsageInvalid(f"{config.cloud.api} does not exchange tokens")
    if not await asyncio.to_thread(folder.is_dir):
        raise UsageInvalid(
            f"there is no spool at {folder}, where the next token is kept",
            hint="start the agent once: fieldpost run",
        )
    tokens = _slots(config, environ)
    async with _way_out(config) as transport:
        cloud = Bota(config.cloud, transport, SystemClock(), tokens)
        if not await exchange(cloud, tokens):
            raise UsageInvalid("this is an API key; only device tokens (dtok_…) are exchanged")
        with suppress(CloudUnreachable):  # it is stored: any later call proves it
            await cloud.heartbeat(_greeting())
    return not await asyncio.to_thread(lambda: tokens.pending)


def forget(config: Config) -> bool:
    """Delete the token and what came after it; say whether there was one. Blocks.

    Raises:
        TokenNotKept: A file cannot be deleted.
    """
    file = config.cloud.token_file
    there = False
    for each in (config.spool.path / FILE, _beside(file), file):
        try:
            each.unlink()
            settle_folder(each.parent)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise TokenNotKept(f"cannot delete {each}: {reason}", hint=_AS_ROOT) from error
        there = True
    return there


async def _asked(transport: Transport, url: str, body: Mapping[str, str]) -> ApiAnswer:
    for _ in range(TRIES - 1):
        with suppress(CloudUnreachable):
            return await transport.call("POST", url, {}, body)
    return await transport.call("POST", url, {}, body)


async def _accepted(config: Config, token: str) -> bool:
    """Ask the cloud; False where it has no call that would tell."""
    if config.cloud.api != "bota":
        return False
    async with _way_out(config) as transport:
        cloud = Bota(config.cloud, transport, SystemClock(), lambda: token)
        return await cloud.heartbeat(_greeting()) is not None


def _greeting() -> dict[str, str]:
    return {"device_name": socket.gethostname()[:64]}


def _has_token(config: Config, environ: Mapping[str, str]) -> bool:
    try:
        return bool(token_source(config.cloud, environ)())
    except TokenRefused:
        return False


def _slots(config: Config, environ: Mapping[str, str]) -> SlottedToken:
    return SlottedToken(token_source(config.cloud, environ), config.spool.path)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.next")


def _stage(file: Path, token: str) -> Path:
    """Put the token beside the one that is in use: from here on a crash does not lose it."""
    staged = _beside(file)
    try:
        owner = owner_of(file) if file.exists() else None
        write_file(staged, f"{token}\n".encode(), owner=owner)
    except OSError as error:
        raise TokenNotKept(
            f"cannot write {file}: {os.strerror(error.errno or 0)}",
            hint="sudo fieldpost enrol, or set [cloud] token_file to a place of your own",
        ) from error
    return staged


def _promote(staged: Path, file: Path) -> None:
    try:
        staged.rename(file)
        settle_folder(file.parent)
    except OSError as error:
        raise TokenNotKept(
            f"cannot write {file}: {os.strerror(error.errno or 0)}; the token is in {staged}",
            hint=f"mv {staged} {file}",
        ) from error


def _discard(staged: Path) -> None:
    with suppress(OSError):
        staged.unlink()


@asynccontextmanager
async def _way_out(config: Config) -> AsyncIterator[Transport]:
    outlet = await asyncio.to_thread(open_outlet, config.network, os.environ)
    async with outlet as transport:
        yield transport
