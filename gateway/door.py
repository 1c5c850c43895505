"""The door in front of every route: who is calling, may they, and who hears of it."""

from aiohttp import web

from gateway.access import Access, permit
from gateway.answering import ALLOWANCE, CALLER
from gateway.bounds.rates import RateGate
from gateway.model import Caller
from gateway.routes import Admits, Route
from gateway.routes.exchange import Exchange, Gateway
from gateway.web.cookies import asking_of, cookie_of


class Door:
    """Lets requests in: no route can forget to ask who is calling."""

    def __init__(self, gateway: Gateway, access: Access, rates: RateGate) -> None:
        self._gateway = gateway
        self._access = access
        self._rates = rates

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
            permit(
                caller,
                None if route.admits is Admits.DEVICES else route.scope,
                devices=route.admits is not Admits.KEYS,
            )
        return await route.run(Exchange(request, self._gateway, caller))

    async def _caller(self, request: web.Request, route: Route) -> Caller:
        cookie = cookie_of(request)
        if cookie is not None:
            asking = asking_of(request, self._gateway.config.public_url)
            return await self._gateway.sessions.caller(cookie, asking)
        return await self._access.caller(
            request.headers.get("Authorization"), refreshing=route.refreshing
        )
