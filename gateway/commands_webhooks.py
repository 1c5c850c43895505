"""What `webhooks` of `fieldpost-gateway` does."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from device.words import printable
from gateway.bounds.auditing import by_shell
from gateway.config import make_folder, read_config
from gateway.errors import NotFound, UsageInvalid
from gateway.model_events import EVERYTHING, Delivery, DeliveryStatus, EventType, Webhook
from gateway.store import Store
from gateway.store.sql import open_store
from gateway.webhooks import WebhookDesk

Told = tuple[dict[str, Any], list[str]]

_WEBHOOK = "wh_"
_WIDTH = 80


async def run(arguments: Namespace, folder: Path) -> Told:
    """Run one of them: a document for machines, and lines for people."""
    make_folder(folder)
    config = read_config(data=folder)
    async with open_store(folder, config.database) as store:
        desk = WebhookDesk(
            store, SystemClock(), secret=config.secret, allow_http=config.events.allow_http
        )
        match arguments.action:
            case "add":
                return await _add(arguments, desk, store)
            case "ls":
                return _list(await store.webhooks.all())
            case "rm":
                await desk.delete(arguments.webhook)
                await _note(store, "webhooks rm", arguments.webhook)
                return {"webhook_id": arguments.webhook}, [f"{arguments.webhook} is deleted."]
            case "deliveries":
                return await _deliveries(arguments, desk, store)
            case _:
                return await _replay(arguments.what, desk, store)


async def _add(arguments: Namespace, desk: WebhookDesk, store: Store) -> Told:
    types = _types(arguments.events)
    made, secret = await desk.add(arguments.url, types, description=arguments.description)
    await _note(store, "webhooks add", made.id, events=types)
    document = {**_document(made), "secret": secret}
    return document, [
        f"webhook_id  {made.id}",
        f"secret      {secret}",
        "Keep it now: it is not shown again.",
    ]


def _types(text: str | None) -> list[str]:
    if text is None:
        return [EVERYTHING]
    known = [EVERYTHING, *(kind for kind in EventType if kind is not EventType.WEBHOOK_TEST)]
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise UsageInvalid(
            f"unknown type {', '.join(unknown) or repr(text)}",
            hint=f"--events {','.join(known[1:])}",
        )
    return names


def _list(webhooks: list[Webhook]) -> Told:
    lines = [
        line
        for each in webhooks
        for line in (
            f"{each.id}  {'off' if each.disabled_at else 'on'}",
            f"  {printable(each.url)}",
            f"  {', '.join(each.events)}{_about(each.description)}",
        )
    ]
    document = {"webhooks": [_document(each) for each in webhooks]}
    return document, lines or ["There is no webhook yet."]


def _about(description: str) -> str:
    return f"  ({printable(description)})" if description else ""


def _document(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "description": webhook.description,
        "enabled": webhook.disabled_at is None,
        "created_at": webhook.created_at.isoformat(),
    }


async def _deliveries(arguments: Namespace, desk: WebhookDesk, store: Store) -> Told:
    if arguments.webhook is not None:
        await desk.find(arguments.webhook)
    status = None if arguments.status is None else DeliveryStatus(arguments.status)
    found = await store.deliveries.page(arguments.webhook, status, arguments.limit, 0)
    document = {
        "deliveries": [
            {
                "delivery_id": each.id,
                "webhook_id": each.webhook_id,
                "event_id": each.event_id,
                "event_type": each.event_type,
                "status": each.status,
                "attempts": each.attempts,
                "next_at": None if each.next_at is None else each.next_at.isoformat(),
                "last": _last(each) or None,
            }
            for each in found
        ]
    }
    lines = [line for each in found for line in _shown(each)]
    return document, lines or ["There is no such delivery."]


def _shown(delivery: Delivery) -> list[str]:
    tries = "1 try" if delivery.attempts == 1 else f"{delivery.attempts} tries"
    if delivery.status is DeliveryStatus.PENDING and delivery.attempts and delivery.next_at:
        tries += f", next {delivery.next_at:%Y-%m-%d %H:%M} UTC"
    went = _last(delivery)
    return [
        f"{delivery.id}  {delivery.status:9}  {delivery.event_type}",
        f"  {tries}{f': {went}' if went else ''}"[:_WIDTH],
    ]


def _last(delivery: Delivery) -> str:
    if not delivery.history:
        return ""
    last = delivery.history[-1]
    return printable(last.error) if last.error else f"answered {last.status}"


async def _replay(what: str, desk: WebhookDesk, store: Store) -> Told:
    if not what.startswith(_WEBHOOK):
        made = [await desk.replay(what)]
    else:
        made, more = await desk.replay_dead(what)
        while more:
            some, more = await desk.replay_dead(what)
            made += some
    await _note(store, "webhooks replay", what, deliveries=len(made))
    if not made:
        raise NotFound("nothing is dead that was not replayed", hint=f"webhooks deliveries {what}")
    lines = [f"{len(made)} on the way; a gateway that serves sends them within seconds."]
    return {"deliveries": [each.id for each in made]}, lines


async def _note(store: Store, action: str, subject: str, **details: Any) -> None:
    await store.audit.note(by_shell(action, subject, SystemClock().now(), **details))
