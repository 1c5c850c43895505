"""One request on its way through a route: body, caller, desks, and the shapes of answers."""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from device.clock import Clock
from gateway.bounds.quotas import QuotaDesk
from gateway.config import GatewayConfig
from gateway.core.idempotency import check_key, fingerprint
from gateway.core.nesting import nesting
from gateway.core.nul import has_nul
from gateway.devices import DeviceDesk
from gateway.enrolment import EnrolDesk
from gateway.errors import InvalidRequest, NotFound, TooSlow, Unauthorized
from gateway.intake import Intake
from gateway.live import Live
from gateway.metrics import Metrics
from gateway.model import Caller, DeviceCaller, Intent
from gateway.objects import ObjectStore
from gateway.orders import OrderDesk
from gateway.part_lists import PartLists
from gateway.phone.pairing import PhoneDesk
from gateway.phone.tunnels import Tunnels
from gateway.receiving import Receiving
from gateway.recordings import RecordingDesk
from gateway.settings import SettingsDesk
from gateway.store import Store
from gateway.waveforms import WaveformDesk
from gateway.web.signing_in import SessionDesk
from gateway.webhooks import WebhookDesk

_T = TypeVar("_T", bound=msgspec.Struct)
_D = TypeVar("_D")
_DOCUMENT = msgspec.json.Decoder(dict[str, Any])
_BODY_S = 30.0
# Far below what any part of the way to the database and back can take.
_NESTING = 64
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """All that routes work with; `draining` turns true when the process is about to stop.

    `process_id` is another in every process and after every start: who holds a lease.
    """

    config: GatewayConfig
    process_id: str
    clock: Clock
    store: Store
    objects: ObjectStore
    intake: Intake
    part_lists: PartLists | None
    recordings: RecordingDesk
    devices: DeviceDesk
    orders: OrderDesk
    settings: SettingsDesk
    quotas: QuotaDesk
    enrolment: EnrolDesk
    phones: PhoneDesk
    tunnels: Tunnels
    webhooks: WebhookDesk
    sessions: SessionDesk
    waveforms: WaveformDesk
    live: Live
    metrics: Metrics
    openapi: bytes
    version: str
    draining: bool = False

    @property
    def receiving(self) -> Receiving:
        """The upload sessions whose bytes this gateway carries itself.

        Raises:
            NotFound: Clients reach the object store without it.
        """
        if not isinstance(self.intake, Receiving):
            raise NotFound("bytes of media do not go through this gateway")
        return self.intake


class Exchange:
    """One request and what it may use."""

    def __init__(self, request: web.Request, gateway: Gateway, caller: Caller | None) -> None:
        self.request = request
        self.gateway = gateway
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """Who is calling; only on routes that admit somebody in particular."""
        if self._caller is None:
            raise Unauthorized("a credential is required")
        return self._caller

    @property
    def known(self) -> Caller | None:
        """Who is calling, as far as anybody knows."""
        return self._caller

    def came_from(self, caller: Caller) -> None:
        """Tell who turned out to be calling, where the route itself finds out: for the audit."""
        self._caller = caller

    @property
    def device(self) -> DeviceCaller:
        """Which device is calling; only on routes that admit devices alone."""
        if not isinstance(self._caller, DeviceCaller):
            raise Unauthorized("a device token is required")
        return self._caller

    @property
    def base_url(self) -> str:
        """This gateway as the client sees it, with the API version.

        Raises:
            InvalidRequest: The client calls it by no name of a host.
        """
        origin = self.gateway.config.public_url
        if origin is None:
            if not _HOST.fullmatch(self.request.host):
                # It goes into URLs that others fetch: it must not bring a path of its own.
                raise InvalidRequest("the Host header names no host")
            origin = f"{self.request.scheme}://{self.request.host}"
        return f"{origin}/v1"

    def path(self, name: str) -> str:
        """Give one variable of the path."""
        return self.request.match_info[name]

    async def body(self, shape: type[_T]) -> _T:
        """Read the JSON body; no body counts as `{}`, unknown fields are left out.

        Raises:
            InvalidRequest: Not JSON, or a field of the wrong kind.
            TooSlow: It did not arrive in time.
        """
        decoder: msgspec.json.Decoder[_T] = _decoder(shape)
        return await self._decoded(decoder)

    async def document(self) -> dict[str, Any]:
        """Read the JSON body as the object it is, for a reader that names all that is wrong.

        Raises:
            InvalidRequest: Not JSON, or no object.
            TooSlow: It did not arrive in time.
        """
        return await self._decoded(_DOCUMENT)

    async def _decoded(self, decoder: "msgspec.json.Decoder[_D]") -> _D:
        try:
            async with asyncio.timeout(_BODY_S):
                raw = await self.request.read()
        except TimeoutError:
            raise TooSlow(f"the body did not arrive within {_BODY_S:.0f} s") from None
        if nesting(raw) > _NESTING:
            raise InvalidRequest(f"the body is nested deeper than {_NESTING} levels")
        if has_nul(raw):
            raise InvalidRequest("the body has the character U+0000, which cannot be kept")
        try:
            return decoder.decode(raw or b"{}")
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"the body is not JSON: {error}") from error

    def intent(
        self,
        operation: str,
        subject: str,
        body: msgspec.Struct,
        *,
        apart_from: Collection[str] = (),
    ) -> Intent | None:
        """Read the Idempotency-Key and tie it to this request; None if it came without."""
        key = self.request.headers.get("Idempotency-Key")
        return self.intent_of(key, operation, subject, body, apart_from=apart_from)

    def intent_of(
        self,
        key: str | None,
        operation: str,
        subject: str,
        body: msgspec.Struct,
        *,
        apart_from: Collection[str] = (),
    ) -> Intent | None:
        """Tie a key to what it is used for; None for no key.

        Args:
            key: As it came.
            operation: What is done.
            subject: The id in the path, empty for a create.
            body: What was asked for.
            apart_from: Fields that may be others when the same is asked for again; optional ones.
        """
        if key is None:
            return None
        told = dict.fromkeys(apart_from)
        same = msgspec.structs.replace(body, **told) if told else body
        return Intent(
            owner=self.caller.owner,
            operation=operation,
            key=check_key(key),
            fingerprint=fingerprint(subject, msgspec.json.encode(same, order="sorted")),
            at=self.gateway.clock.now(),
            former=fingerprint(subject, msgspec.json.encode(body, order="sorted"))
            if told
            else None,
        )

    def limit(self) -> int:
        """Read how many of a list are wanted."""
        return self.number("limit", 25, least=1, most=100)

    def offset(self) -> int:
        """Read how many of a list are to be left out."""
        return self.number("offset", 0, least=0, most=10**9 - 1)

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """Read a whole number from the query.

        Raises:
            InvalidRequest: Not a number, or out of bounds.
        """
        text = self.request.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10) or not (  # noqa: PLR2004 - fits any bound here
            least <= int(text) <= most
        ):
            raise InvalidRequest(
                f"{name} must be a whole number from {least} to {most}", details={"field": name}
            )
        return int(text)


def answer(
    body: msgspec.Struct, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers=headers,
    )


def invalid(error: msgspec.ValidationError, within: str = "") -> InvalidRequest:
    """Say which field is of the wrong kind.

    Args:
        error: What the reader said.
        within: The field that was read, with a dot; nothing for the whole body.
    """
    reason, _, place = str(error).partition(" - at `$")
    field = (within + place.rstrip("`").lstrip(".")).rstrip(".")
    return InvalidRequest(
        f"{reason} - at `$.{field}`" if within else str(error),
        details={"field": field, "reason": reason} if field else None,
    )


def replayed(flag: bool) -> dict[str, str]:
    """Write the header that tells a replay."""
    return {"Idempotent-Replayed": "true"} if flag else {}


@lru_cache(maxsize=64)
def _decoder(shape: type[_T]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(shape)
