"""What `phones` of `fieldpost-gateway` does."""

import io
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

import segno

from device.clock import SystemClock
from device.words import printable
from gateway.bounds.auditing import by_shell
from gateway.config import make_folder, public_origin
from gateway.config_database import read_database
from gateway.errors import InvalidRequest
from gateway.phone.pairing import PhoneDesk
from gateway.store import Store
from gateway.store.sql import open_store


async def run(arguments: Namespace, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run one of them: a document for machines, and lines for people."""
    make_folder(folder)
    async with open_store(folder, read_database(os.environ)) as store:
        desk = PhoneDesk(store, SystemClock())
        match arguments.action:
            case "code":
                return await _code(arguments, desk, store)
            case "ls":
                return await _list(desk)
            case _:
                await desk.revoke(arguments.phone)
                now = SystemClock().now()
                await store.audit.note(by_shell("phones revoke", arguments.phone, now))
                document = {"phone_id": arguments.phone}
                return document, [f"{arguments.phone} is revoked; what it brought stays."]


async def _code(
    arguments: Namespace, desk: PhoneDesk, store: Store
) -> tuple[dict[str, Any], list[str]]:
    origin = public_origin(arguments.public_url, os.environ)
    name = arguments.name.strip()[:255]
    if not name:
        raise InvalidRequest("a phone needs a name", hint="say whose it is, or where it is kept")
    code, expires_at = await desk.code(name, arguments.end_user)
    now = SystemClock().now()
    await store.audit.note(by_shell("phones code", name, now, end_user_id=arguments.end_user))
    url = None if origin is None else f"{origin}/phone#{code}"
    document = {"code": code, "expires_at": expires_at.isoformat(), "url": url}
    good = f"Good for one phone, until {expires_at:%H:%M} UTC"
    if url is None:
        hint = "Without --public-url there is no QR code: open /phone of this gateway, and type it."
        return document, [f"code  {code}", f"{good}. {hint}"]
    drawn = io.StringIO()
    segno.make_qr(url, error="m").terminal(drawn, compact=True)
    return document, [
        *drawn.getvalue().rstrip("\n").split("\n"),
        f"url   {url}",
        f"code  {code}",
        f"{good}: scan it with the phone, or open the address there.",
    ]


async def _list(desk: PhoneDesk) -> tuple[dict[str, Any], list[str]]:
    phones = await desk.all()
    document = {
        "phones": [
            {
                "phone_id": each.id,
                "name": each.name,
                "end_user_id": each.end_user_id,
                "created_at": each.created_at.isoformat(),
                "seen_at": None if each.seen_at is None else each.seen_at.isoformat(),
            }
            for each in phones
        ]
    }
    lines = [
        f"{each.id}  {printable(each.name)}  last seen "
        f"{'never' if each.seen_at is None else each.seen_at.isoformat(timespec='seconds')}"
        for each in phones
    ]
    return document, lines or ["No phone is paired yet."]
