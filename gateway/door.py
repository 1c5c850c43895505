"""The door in front of every route: who is calling, may they, and who hears of it."""

from aiohttp import web

from gateway.access import Access, permit
from gateway.answering import ALLOWANCE, CALLER, REQUEST_ID
from gateway.bounds.auditing import Auditor
from gateway.bounds.rates import RateGate
from gateway.core.audited import details_of, subject_of
from gateway.errors import Forbidden
from gateway.model import Caller, DeviceCaller
from gateway.routes import Admits, Route
from gateway.routes.exchange import Exchange, Gateway
from gateway.web.cookies import asking_of, cookie_of


class Door:
    """Lets requests in: no route can forget to ask who is calling."""

    def __init__(self, gateway: Gateway, access: Access, rates: RateGate, auditor: Auditor) -> None:
        self._gateway = gateway
        self._access = access
        self._rates = rates
        self._auditor = auditor

    async def let_in(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Run a route for whoever may call it.

        Raises:
            Unauthorized: Nobody we know.
            Forbidden: Not with this credential.
            RateLimited: Not any more within this minute.
        """
        caller: Caller | None = None
        if route.admits not in (Admits.ANYONE, Admits.SIGNED_URL):
            caller = await self._caller(request, route)
            request[CALLER] = caller
            allowance = await self._rates.spend(caller, route.counted)
            if allowance is not None:
                request[ALLOWANCE] = allowance
                allowance.check()
        exchange = Exchange(request, self._gateway, caller)
        try:
            if caller is not None:
                permit(
                    caller,
                    None if route.admits is Admits.DEVICES else route.scope,
                    devices=route.admits is not Admits.KEYS,
                )
            response = await route.run(exchange)
        except Forbidden as refusal:
            if caller is not None:
                await self._note_refusal(request, route, caller, refusal)
            raise
        if route.is_audited and response.status < web.HTTPBadRequest.status_code:
            await self._note_change(exchange, route, response)
        return response

    async def _note_change(
        self, exchange: Exchange, route: Route, response: web.StreamResponse
    ) -> None:
        """Note what a person or a server changed, before it is answered."""
        actor = exchange.known
        if actor is None or isinstance(actor, DeviceCaller):
            return
        request = exchange.request
        # The route has read it: this gives the same bytes again.
        asked = b"" if route.body is None else await request.read()
        answered = response.body if isinstance(response, web.Response) else None
        await self._auditor.changed(
            actor,
            action=route.operation_id,
            subject=subject_of(
                route.path,
                request.match_info,
                answered if isinstance(answered, bytes) else b"",
            ),
            details=details_of(request.match_info, asked),
            request_id=request[REQUEST_ID],
        )

    async def _note_refusal(
        self, request: web.Request, route: Route, caller: Caller, refusal: Forbidden
    ) -> None:
        await self._auditor.refused(
            caller,
            action=route.operation_id,
            subject=subject_of(route.path, request.match_info, b""),
            reason=str(refusal),
            request_id=request[REQUEST_ID],
        )

    async def _caller(self, request: web.Request, route: Route) -> Caller:
        cookie = cookie_of(request)
        if cookie is not None:
            asking = asking_of(request, self._gateway.config.public_url)
            return await self._gateway.sessions.caller(cookie, asking)
        return await self._access.caller(
            request.headers.get("Authorization"), refreshing=route.refreshing
        )
