"""The route of the audit log: who changed what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web

from gateway.model import Scope
from gateway.model_bounds import AuditEntry, AuditFilter
from gateway.routes import Admits, Answer, Parameter, Route
from gateway.routes.exchange import Exchange, answer


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """One change, or (`details.refused`) one attempt that was refused.

    `actor` is the id of an API key, a phone or a device, `cli` for the command line, under the name
    of its user, or `retention` for the gateway itself. `action` is an `operationId` of this API, or
    a command.
    """

    seq: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    details: Mapping[str, Any]
    request_id: str | None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first. The next page: `before` the last `seq`."""

    data: list[AuditView]
    has_more: bool


async def page(exchange: Exchange) -> web.StreamResponse:
    """List entries."""
    limit = exchange.limit()
    query = exchange.request.query
    which = AuditFilter(
        subject=query.get("subject") or None,
        actor=query.get("actor") or None,
        before=exchange.number("before", 0, least=0, most=10**9 - 1) or None,
    )
    found = await exchange.gateway.store.audit.page(which, limit + 1)
    return answer(
        AuditPage(data=[_shown(each) for each in found[:limit]], has_more=len(found) > limit)
    )


def _shown(entry: AuditEntry) -> AuditView:
    return AuditView(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        actor_name=entry.actor_name,
        action=entry.action,
        subject=entry.subject,
        details=entry.details,
        request_id=entry.request_id,
    )


_ENTRY = {
    "seq": 17,
    "at": "2026-03-01T12:00:00Z",
    "actor": "key_1d2c3b4a5f6e7d8c9b0a1f2e3d4c5b6a",
    "actor_name": "backend",
    "action": "deleteRecording",
    "subject": "rec_0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "details": {"console": True},
    "request_id": "req_2f1e0d3c4b5a69788796a5b4c3d2e1f0",
}


def _text(name: str, means: str) -> Parameter:
    return Parameter(name=name, place="query", means=means, schema={"type": "string"})


ROUTES = (
    Route(
        method="GET",
        path="/v1/audit",
        operation_id="listAudit",
        summary="List what was changed by whom, newest first",
        run=page,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(
            _text("subject", "Only what is about this id."),
            _text("actor", "Only what this key, phone or `cli` did."),
            Parameter(
                name="before",
                place="query",
                means="Only entries with a smaller `seq`.",
                schema={"type": "integer", "minimum": 0, "maximum": 10**9 - 1},
            ),
            Parameter(
                name="limit",
                place="query",
                means="How many at most.",
                schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=AuditPage,
                example={"data": [_ENTRY], "has_more": False},
            ),
        ),
    ),
)
"""The table that the application and openapi.json are built from."""
