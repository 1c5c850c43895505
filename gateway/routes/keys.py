"""Routes of API keys: list, make, revoke."""

import secrets
from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from gateway.access import new_id
from gateway.core.ids import Prefix
from gateway.core.tokens import api_key, credential_hash
from gateway.errors import Forbidden, NotFound
from gateway.model import ApiKey, KeyCaller, Scope
from gateway.routes import PAGE, Admits, Answer, Route
from gateway.routes.exchange import Exchange, answer

_KEY_BYTES = 32


class KeyCreate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of key creation. Without `scopes` the key may do everything.

    It may do nothing that the key that makes it may not.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=16)] | None = None


class KeyView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key; its text, `key`, is in the answer that made it and nowhere else."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    revoked_at: datetime | None
    key: str | None = None


class KeyPage(msgspec.Struct, frozen=True, kw_only=True):
    """Keys, newest first, revoked ones too."""

    data: list[KeyView]
    has_more: bool


async def page(exchange: Exchange) -> web.StreamResponse:
    """List keys."""
    limit, offset = exchange.limit(), exchange.offset()
    found = list(reversed(await exchange.gateway.store.keys.all()))
    shown = [_shown(key) for key in found[offset : offset + limit]]
    return answer(KeyPage(data=shown, has_more=len(found) > offset + limit))


async def create(exchange: Exchange) -> web.StreamResponse:
    """Make a key."""
    body = await exchange.body(KeyCreate)
    scopes = frozenset(Scope if body.scopes is None else body.scopes)
    # Only keys get here: see the route.
    held = exchange.caller.scopes if isinstance(exchange.caller, KeyCaller) else frozenset[Scope]()
    if lacking := sorted(scopes - held):
        raise Forbidden(f"a key makes none that may do more than itself: {', '.join(lacking)}")
    text = api_key(secrets.token_bytes(_KEY_BYTES), scopes)
    key = ApiKey(
        id=new_id(Prefix.KEY),
        name=body.name,
        key_hash=credential_hash(text),
        scopes=scopes,
        created_at=exchange.gateway.clock.now(),
    )
    await exchange.gateway.store.keys.add(key)
    return answer(_shown(key, text), status=201, headers={"Cache-Control": "no-store"})


async def revoke(exchange: Exchange) -> web.StreamResponse:
    """Revoke a key."""
    gateway = exchange.gateway
    if not await gateway.store.keys.revoke(exchange.path("key_id"), gateway.clock.now()):
        raise NotFound("there is no such API key")
    return web.Response(status=204)


def _shown(key: ApiKey, text: str | None = None) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=sorted(key.scopes),
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        key=text,
    )


_ASKED = {"name": "reader", "scopes": ["recordings:read"]}
_KEY = {
    "id": "key_1d2c3b4a5f6e7d8c9b0a1f2e3d4c5b6a",
    **_ASKED,
    "created_at": "2026-03-01T12:00:00Z",
    "revoked_at": None,
}

ROUTES = (
    Route(
        method="GET",
        path="/v1/keys",
        operation_id="listKeys",
        summary="List API keys, newest first",
        run=page,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=PAGE,
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=KeyPage,
                example={"data": [_KEY], "has_more": False},
            ),
        ),
    ),
    Route(
        method="POST",
        path="/v1/keys",
        operation_id="createKey",
        summary="Make an API key; its text is shown once",
        run=create,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        body=KeyCreate,
        example=_ASKED,
        answers=(
            Answer(
                status=201,
                means="Made.",
                body=KeyView,
                example={**_KEY, "key": "rk_live_EXAMPLE-not-a-real-key"},
            ),
        ),
    ),
    Route(
        method="DELETE",
        path="/v1/keys/{key_id}",
        operation_id="revokeKey",
        summary="Revoke an API key; it opens nothing any more within a second",
        run=revoke,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(Answer(status=204, means="Revoked."),),
        problems=(NotFound,),
    ),
)
"""The table that the application and openapi.json are built from."""
