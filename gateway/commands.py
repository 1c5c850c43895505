"""What each command of `fieldpost-gateway` does; printing is the command line's."""

import json
import logging
import os
import secrets
from argparse import Namespace
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from gateway import commands_bounds, commands_phones, commands_webhooks
from gateway.access import new_id
from gateway.agreement import adopt
from gateway.bounds.auditing import by_shell
from gateway.config import data_folder, make_folder, read_config
from gateway.config_database import read_database
from gateway.core.ids import Prefix
from gateway.core.tokens import api_key, credential_hash
from gateway.devices import DeviceDesk
from gateway.enrolment import EnrolDesk
from gateway.errors import NotFound, UsageInvalid
from gateway.logs import set_up
from gateway.model import ApiKey, Device, Scope
from gateway.readiness import Ready
from gateway.store.sql import SqlStore, migrate, open_store

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command has to say: for machines, and line by line for people."""

    document: dict[str, Any]
    lines: Sequence[str]


async def run(arguments: Namespace, ready: Ready) -> Outcome | None:
    """Run one parsed command."""
    if arguments.command == "openapi":
        return _openapi()
    folder = data_folder(arguments.data)
    outcome = None
    match arguments.command:
        case "serve":
            await _serve(arguments, folder, ready)
        case "migrate":
            outcome = await _migrate(folder)
        case "adopt":
            outcome = await _adopt(folder)
        case "sweep":
            outcome = await _sweep(folder, dry_run=arguments.dry_run)
        case "keys":
            outcome = await _keys(arguments, folder)
        case "phones":
            outcome = Outcome(*await commands_phones.run(arguments, folder))
        case "webhooks":
            outcome = Outcome(*await commands_webhooks.run(arguments, folder))
        case "audit" | "quota" | "retention":
            outcome = Outcome(*await commands_bounds.run(arguments, folder))
        case _:
            outcome = await _devices(arguments, folder)
    return outcome


async def _serve(arguments: Namespace, folder: Path, ready: Ready) -> None:
    from gateway.serve import serve  # noqa: PLC0415 - aiohttp is for this command alone

    set_up(logging.INFO)
    make_folder(folder)
    config = read_config(data=folder, listen=arguments.listen, public_url=arguments.public_url)
    await serve(config, ready)


async def _sweep(folder: Path, *, dry_run: bool) -> Outcome:
    from gateway.app import opened  # noqa: PLC0415 - aiohttp is for few commands
    from gateway.serve import alone  # noqa: PLC0415 - as above

    make_folder(folder)
    config = read_config(data=folder)
    # A gateway that serves the folder sweeps it by itself, and knows what is being received.
    with nullcontext() if dry_run else alone(folder):
        async with opened(config, SystemClock()) as found:
            swept = await found.sweeper.sweep(dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "swept": [{"what": each.what, "id": each.name} for each in swept],
    }
    lines = [f"{each.what:9}  {each.name}" for each in swept]
    verb = "would be swept" if dry_run else "swept"
    return Outcome(document, [*lines, f"{len(swept)} {verb}."])


def _openapi() -> Outcome:
    from gateway.openapi import written  # noqa: PLC0415 - aiohttp is for the routes alone

    text = written().decode()
    return Outcome(json.loads(text), [text.rstrip("\n")])


async def _migrate(folder: Path) -> Outcome:
    make_folder(folder)
    changed = await migrate(folder, read_database(os.environ))
    line = "The database was migrated." if changed else "The database is up to date."
    return Outcome({"migrated": changed}, [line])


async def _adopt(folder: Path) -> Outcome:
    make_folder(folder)
    config = read_config(data=folder)
    async with open_store(folder, config.database) as store:
        await adopt(config, store)
    line = "Gateways with this signing key and object store may start; others are refused."
    return Outcome({"adopted": True}, [line])


async def _keys(arguments: Namespace, folder: Path) -> Outcome:
    make_folder(folder)
    async with open_store(folder, read_database(os.environ)) as store:
        match arguments.action:
            case "add":
                return await _add_key(store, arguments.name, _scopes(arguments.scopes))
            case "ls":
                return _key_list(await store.keys.all())
            case _:
                at = SystemClock().now()
                if not await store.keys.revoke(arguments.key, at):
                    raise NotFound(
                        f"there is no API key {arguments.key}", hint="fieldpost-gateway keys ls"
                    )
                await store.audit.note(by_shell("keys revoke", arguments.key, at))
                return Outcome({"key_id": arguments.key}, [f"{arguments.key} is revoked."])


async def _add_key(store: SqlStore, name: str, scopes: frozenset[Scope]) -> Outcome:
    text = api_key(secrets.token_bytes(_KEY_BYTES), scopes)
    key = ApiKey(
        id=new_id(Prefix.KEY),
        name=name,
        key_hash=credential_hash(text),
        scopes=scopes,
        created_at=SystemClock().now(),
    )
    await store.keys.add(key)
    await store.audit.note(
        by_shell("keys add", key.id, key.created_at, name=name, scopes=sorted(scopes))
    )
    document = {"key_id": key.id, "name": name, "scopes": sorted(scopes), "api_key": text}
    return Outcome(document, [f"key_id   {key.id}", f"api_key  {text}", _ONCE])


def _key_list(keys: Sequence[ApiKey]) -> Outcome:
    document = {
        "keys": [
            {
                "key_id": key.id,
                "name": key.name,
                "scopes": sorted(key.scopes),
                "created_at": key.created_at.isoformat(),
                "revoked_at": _iso(key.revoked_at),
            }
            for key in keys
        ]
    }
    lines = [f"{key.id}  {'revoked' if key.revoked_at else 'good':7}  {key.name}" for key in keys]
    return Outcome(document, lines or ["There is no API key yet."])


def _scopes(text: str | None) -> frozenset[Scope]:
    if text is None:
        return frozenset(Scope)
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Scope)]
    if unknown or not names:
        raise UsageInvalid(
            f"unknown scope {', '.join(unknown) or repr(text)}", hint=f"--scopes {','.join(Scope)}"
        )
    return frozenset(Scope(name) for name in names)


async def _devices(arguments: Namespace, folder: Path) -> Outcome:
    make_folder(folder)
    async with open_store(folder, read_database(os.environ)) as store:
        match arguments.action:
            case "add":
                return await _add_device(store, arguments.serial, rotate=arguments.rotate)
            case "ls":
                return _device_list(await store.devices.all())
            case "code":
                return await _enrol_code(store, arguments.device)
            case _:
                return await _revoke_device(store, arguments.device)


async def _add_device(store: SqlStore, serial: str, *, rotate: bool) -> Outcome:
    desk = _desk(store)
    now = SystemClock().now()
    made = await desk.register(Device(id="", serial_number=serial, created_at=now, updated_at=now))
    device = made.value
    document: dict[str, Any] = {
        "device_id": device.id,
        "serial_number": serial,
        "created": not made.replayed,
        "device_token": None,
    }
    lines = [f"device_id     {device.id}"]
    if made.replayed and not rotate:
        lines.append(f"{serial} exists; --rotate gives it a new token and revokes the old ones.")
        return Outcome(document, lines)
    document["device_token"] = token = await desk.issue(device)
    await store.audit.note(
        by_shell("devices add", device.id, now, serial_number=serial, rotate=rotate)
    )
    return Outcome(document, [*lines, f"device_token  {token}", _ONCE])


def _device_list(devices: Sequence[Device]) -> Outcome:
    document = {
        "devices": [
            {
                "device_id": device.id,
                "serial_number": device.serial_number,
                "end_user_id": device.end_user_id,
                "firmware_version": device.firmware_version,
                "last_heartbeat_at": _iso(device.last_heartbeat_at),
            }
            for device in devices
        ]
    }
    lines = [
        f"{device.id}  {device.serial_number}  last heartbeat "
        f"{_iso(device.last_heartbeat_at) or 'never'}"
        for device in devices
    ]
    return Outcome(document, lines or ["There is no device yet."])


async def _enrol_code(store: SqlStore, named: str) -> Outcome:
    device = await _desk(store).named(named)
    # As in `_desk`: the secret is for the tokens that the API gives.
    code, expires_at = await EnrolDesk(store, SystemClock(), secret=b"").code(device)
    await store.audit.note(by_shell("devices code", device.id, SystemClock().now()))
    document = {
        "device_id": device.id,
        "serial_number": device.serial_number,
        "code": code,
        "expires_at": _iso(expires_at),
    }
    lines = [
        f"code  {code}",
        f"Good for one box, until {expires_at:%H:%M} UTC; there: fieldpost enrol --code {code}",
        f"The tokens that {device.serial_number} has work until the new one is first used.",
    ]
    return Outcome(document, lines)


async def _revoke_device(store: SqlStore, named: str) -> Outcome:
    device = await _desk(store).named(named)
    at = SystemClock().now()
    revoked = await store.devices.revoke(device.id, at)
    await store.audit.note(by_shell("devices revoke", device.id, at))
    return Outcome(
        {"device_id": device.id, "revoked_tokens": revoked},
        [f"{device.serial_number}: {revoked} token(s) revoked; its recordings stay."],
    )


def _desk(store: SqlStore) -> DeviceDesk:
    # The secret is for tokens that the API derives; those of commands are random.
    return DeviceDesk(store, SystemClock(), secret=b"")


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


_ONCE = "Keep it now: it is not shown again."
