"""An API's access token: from its file, or got with client credentials (RFC 6749, section 4.4)."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlencode

from device.clock import Clock
from device.core.api_words import document_of, refusal_document, refuse, said, usable_token
from device.core.http_answer import ApiAnswer, plain
from device.core.uploads import Broken, Request
from device.errors import CloudUnreachable, NotTheCloud, TokenRefused
from device.transport import Transport

_OK = 200
_REFUSED = frozenset({400, 401, 403})
_YEAR_S = 31_536_000
_EARLY_S = 60.0
_STRANGER = "sign in to the network's portal, or check [cloud] oauth_url"
"""A token is replaced this long before it expires, or at a tenth of a short life."""


class AccessTokens:
    """Hands out a token that is good now. One at a time asks for a new one."""

    def __init__(
        self, *, oauth_url: str, transport: Transport, clock: Clock, source: Callable[[], str]
    ) -> None:
        self.renewable = bool(oauth_url)
        """Whether a refused token can be replaced by asking for another."""
        self._oauth_url = oauth_url
        self._transport = transport
        self._clock = clock
        self._source = source
        self._turn = asyncio.Lock()
        self._held: tuple[str, str, float] | None = None
        """Credentials, the token they gave, and the monotonic time of its replacement."""

    async def current(self, *, refused: str | None = None) -> str:
        """Return a token; a new one if the known one is old, or is the one that was `refused`.

        Raises:
            TokenRefused: There are no credentials, or the token endpoint does not like them.
            CloudError: The token endpoint cannot be reached, or is unwell.
        """
        text = await asyncio.to_thread(self._source)
        if not self._oauth_url:
            return usable_token(text)
        async with self._turn:
            if self._held is not None:
                credentials, token, until_s = self._held
                fresh = self._clock.monotonic() < until_s
                if credentials == text and fresh and token != refused:
                    return token
            token, life_s = await self._ask(*_client(text))
            early_s = min(_EARLY_S, life_s / 10)
            self._held = (text, token, self._clock.monotonic() + life_s - early_s)
            return token

    async def _ask(self, client: str, secret: str) -> tuple[str, float]:
        basic = base64.b64encode(f"{quote(client, safe='')}:{quote(secret, safe='')}".encode())
        request = Request(
            method="POST",
            url=self._oauth_url,
            headers=(
                ("Authorization", f"Basic {basic.decode()}"),
                ("Accept", "application/json"),
                ("Content-Type", "application/x-www-form-urlencoded"),
            ),
            content=urlencode({"grant_type": "client_credentials"}).encode(),
        )
        answer = await self._transport.send(request, Path(), lambda _: None)
        if isinstance(answer, Broken):
            raise CloudUnreachable(f"the token endpoint does not answer: {answer.reason}")
        return _granted(ApiAnswer(status=answer.status, headers=answer.headers, body=answer.body))


def _client(text: str) -> tuple[str, str]:
    try:
        client = json.loads(text)
        pair = client["client_id"], client["client_secret"]
    except (ValueError, RecursionError, TypeError, KeyError):
        pair = ("", "")
    if not all(isinstance(part, str) and part for part in pair):
        raise TokenRefused("the token file does not hold client_id and client_secret")
    return pair


def _granted(answer: ApiAnswer) -> tuple[str, float]:
    """Read the token and its life in seconds; without one it is good until it is refused."""
    doing = "get an access token"
    if answer.status != _OK:
        document = refusal_document(answer)
        code, message = plain(document.get("error")), plain(document.get("error_description"))
        if answer.status in _REFUSED and code:
            raise TokenRefused(said(answer, doing=doing, code=code, message=message))
        try:
            refuse(answer, doing=doing, code=code, message=message)
        except NotTheCloud as stranger:
            raise NotTheCloud(str(stranger), hint=_STRANGER) from stranger
    document = document_of(answer)
    token, life_s = document.get("access_token"), document.get("expires_in")
    if not isinstance(token, str):
        raise NotTheCloud("the token endpoint's answer has no access_token")
    if not isinstance(life_s, int | float) or isinstance(life_s, bool) or life_s > _YEAR_S:
        life_s = float("inf")
    return usable_token(token), max(0.0, float(life_s))
