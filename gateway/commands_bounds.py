"""What `audit`, `quota` and `retention` of `fieldpost-gateway` do."""

from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from device.words import printable
from gateway.bounds.auditing import by_shell
from gateway.bounds.quotas import QuotaDesk, Standing
from gateway.config import GatewayConfig, make_folder, read_config
from gateway.devices import DeviceDesk
from gateway.errors import NotFound, UsageInvalid
from gateway.model_bounds import ALL_DEVICES, AuditEntry, AuditFilter
from gateway.store import Store
from gateway.store.sql import open_store

_BOUNDS = ("recordings_per_day", "media_bytes_per_day", "storage_bytes", "retention_days")
_USED = {
    "recordings_per_day": "recordings",
    "media_bytes_per_day": "media_bytes",
    "storage_bytes": "storage_bytes",
}
_KEY = "key_"


async def run(arguments: Namespace, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Run one of them: a document for machines, and lines for people."""
    make_folder(folder)
    config = read_config(data=folder)
    if arguments.command == "retention":
        return await _retention(config, dry_run=arguments.dry_run)
    async with open_store(folder, config.database) as store:
        if arguments.command == "audit":
            return await _audit(arguments, store)
        return await _quota(arguments, store, retention_days=config.bounds.retention_days)


async def _audit(arguments: Namespace, store: Store) -> tuple[dict[str, Any], list[str]]:
    which = AuditFilter(subject=arguments.subject, actor=arguments.actor)
    found = await store.audit.page(which, arguments.limit)
    document = {"entries": [{**asdict(each), "at": each.at.isoformat()} for each in found]}
    return document, [_line(each) for each in found] or ["Nothing was noted."]


async def _quota(
    arguments: Namespace, store: Store, *, retention_days: int
) -> tuple[dict[str, Any], list[str]]:
    clock = SystemClock()
    desk = QuotaDesk(store, clock, retention_days=retention_days)
    subject = await _subject(desk, store, arguments.subject)
    of_key = subject.startswith(_KEY)
    found = await desk.read(subject, of_key=of_key)
    if arguments.action == "set":
        given = {name: getattr(arguments, name) for name in _BOUNDS}
        wanted = {name: number for name, number in given.items() if number is not None}
        if not wanted:
            raise UsageInvalid("say what to set", hint="--recordings-per-day 200")
        changed = {name: None if number < 0 else number for name, number in wanted.items()}
        found = await desk.replace(subject, replace(found.own, **changed), of_key=of_key)
        await store.audit.note(by_shell("quota set", subject, clock.now(), **changed))
    return _document(found), _table(found, of_key=of_key)


async def _retention(config: GatewayConfig, *, dry_run: bool) -> tuple[dict[str, Any], list[str]]:
    from gateway.app import opened  # noqa: PLC0415 - aiohttp is for few commands

    # What it deletes nobody is sending: it may run beside a gateway that serves.
    async with opened(config, SystemClock()) as opened_now:
        found = await opened_now.retention.once(dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "recordings": [
            {
                "recording_id": each.recording_id,
                "device_id": each.device_id,
                "uploaded_at": each.uploaded_at.isoformat(),
                "retention_days": each.days,
            }
            for each in found
        ],
    }
    lines = [
        f"{each.recording_id}  uploaded {each.uploaded_at:%Y-%m-%d}, kept {each.days} days"
        for each in found
    ]
    verb = "would be deleted" if dry_run else "deleted"
    return document, [*lines, f"{len(found)} {verb}."]


async def _subject(desk: QuotaDesk, store: Store, named: str | None) -> str:
    if named is None:
        return ALL_DEVICES
    if named.startswith(_KEY):
        try:
            return await desk.key(named)
        except NotFound:
            raise NotFound(
                f"there is no API key {named}", hint="fieldpost-gateway keys ls"
            ) from None
    # The secret is for tokens that the API derives.
    return (await DeviceDesk(store, SystemClock(), secret=b"").named(named)).id


def _document(found: Standing) -> dict[str, Any]:
    used = None
    if found.subject != ALL_DEVICES:
        used = {**asdict(found.usage), "day": found.usage.day.isoformat()}
    return {
        "subject": found.subject,
        "value": asdict(found.value),
        "own": asdict(found.own),
        "usage": used,
    }


def _table(found: Standing, *, of_key: bool) -> list[str]:
    general = found.subject == ALL_DEVICES
    lines = [f"{'all devices' if general else found.subject}"]
    for name in _BOUNDS:
        if of_key and name == "retention_days":
            continue
        bound = getattr(found.value, name)
        own = getattr(found.own, name) is not None
        shown = f"  {name:20} {bound or 'none':>16}"
        if name in _USED and not general:
            shown += f"   used {getattr(found.usage, _USED[name])}"
        lines.append(shown + ("" if own or general or of_key else "   (as for all devices)"))
    return lines


def _line(entry: AuditEntry) -> str:
    who = printable(entry.actor_name or entry.actor)[:14]
    refused = "  REFUSED" if "refused" in entry.details else ""
    return (
        f"{entry.at:%Y-%m-%d %H:%M}  {who:14}  {entry.action[:21]:21}  "
        f"{printable(entry.subject)[:20]}{refused}"
    ).rstrip()
