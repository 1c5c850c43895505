"""What a route is: its address, who is admitted, what it takes and answers, and its code."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from gateway.bounds.rates import Counted
from gateway.errors import GatewayError
from gateway.model import Scope
from gateway.routes.exchange import Exchange


class Admits(StrEnum):
    """Which credential opens a route."""

    ANYONE = "anyone"
    KEYS = "keys"
    DEVICES = "devices"
    KEYS_AND_DEVICES = "keys and devices"
    SIGNED_URL = "signed URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One good answer; `body` is a msgspec struct, None for no JSON body.

    `text_type` is that of a body that is no JSON, where there is one.
    """

    status: int
    means: str
    body: type | None = None
    example: Any = None
    text_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A query parameter or header."""

    name: str
    place: str
    means: str
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: the application is built from these, and so is openapi.json."""

    method: str
    path: str
    operation_id: str
    summary: str
    run: Callable[[Exchange], Awaitable[web.StreamResponse]]
    answers: tuple[Answer, ...]
    admits: Admits = Admits.KEYS_AND_DEVICES
    scope: Scope | None = None
    body: type | None = None
    example: Any = None
    raw_body: bool = False
    raw_types: tuple[str, ...] = ("application/octet-stream",)
    refreshing: bool = False
    counted: Counted = Counted.CALLS
    audited: bool | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[type[GatewayError], ...] = ()

    @property
    def is_audited(self) -> bool:
        """Whether a change by it is noted: what API keys alone may do, unless `audited` says.

        What devices may do too is their traffic, also where a server relays it.
        """
        if self.audited is not None:
            return self.audited
        return self.admits is Admits.KEYS and self.method not in {"GET", "HEAD"}


IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    means="Makes the request repeatable: the same key with the same body is done once.",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,255}$"},
)
"""The header that create, upload-url, upload-complete, bind and commands take."""

PAGE = (
    Parameter(
        name="limit",
        place="query",
        means="How many at most.",
        schema={"type": "integer", "minimum": 1, "maximum": 100, "default": 25},
    ),
    Parameter(
        name="offset",
        place="query",
        means="How many to leave out.",
        schema={"type": "integer", "minimum": 0, "default": 0},
    ),
)
"""The query of a list."""

SIGNATURE = (
    Parameter(
        name="expires",
        place="query",
        means="Unix seconds; part of the URL as it was handed out.",
        schema={"type": "integer"},
        required=True,
    ),
    Parameter(
        name="signature",
        place="query",
        means="Part of the URL as it was handed out.",
        schema={"type": "string"},
        required=True,
    ),
)
"""The query of a signed URL."""

REPLAYED = {"Idempotent-Replayed": "`true` when an earlier request with this key did it."}
"""The header of an answer to a repeated request."""
