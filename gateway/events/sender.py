"""One request to a webhook: where it may go, how long it may take, what is read of the answer."""

import errno
import os
import socket
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gateway.core.addresses import literal, permitted
from gateway.errors import Unavailable

_READ_BYTES = 2048
_SHOWN = 500
_FORBIDDEN = "its address is no host's, or one that needs https"


class Sender:
    """Posts to webhooks: no redirects, no cookies, no proxies, a new connection each time."""

    def __init__(self, *, agent: str, allow_http: bool) -> None:
        self._agent = agent
        self._allow_http = allow_http
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        """Send one body; answers the status, and the beginning of the answer as text.

        Raises:
            Unavailable: There was no answer; the sentence says why.
        """
        target = URL(url, encoded=True)
        encrypted = target.scheme == "https" or self._allow_http
        address = literal(target.host or "")
        if address is not None and not permitted(address, encrypted=encrypted):
            raise Unavailable(_FORBIDDEN)
        try:
            async with self._session(encrypted).post(
                target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, await _beginning(answer)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(_reason(error)) from error

    async def aclose(self) -> None:
        """Let go of the connections; idempotent."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _session(self, encrypted: bool) -> aiohttp.ClientSession:
        if encrypted not in self._sessions:
            self._sessions[encrypted] = aiohttp.ClientSession(
                # A connection that is kept may be closed just when the next body goes out, and a
                # POST is not sent again by itself: that would cost a try.
                connector=aiohttp.TCPConnector(
                    limit=0, force_close=True, resolver=_Guarded(encrypted=encrypted)
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                # The deadline is the caller's.
                timeout=aiohttp.ClientTimeout(total=None),
                # A small answer must not become a large one.
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": self._agent, "Accept-Encoding": "identity"},
            )
        return self._sessions[encrypted]


class _Guarded(AbstractResolver):
    """Looks names up, and leaves out addresses that a webhook may not have."""

    def __init__(self, *, encrypted: bool) -> None:
        self._encrypted = encrypted
        self._names = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver.resolve`."""
        found = await self._names.resolve(host, port, family)
        good = [each for each in found if self._may_be(each["host"])]
        if not good:
            raise OSError(errno.EACCES, _FORBIDDEN)
        return good

    async def close(self) -> None:
        """See `AbstractResolver.close`."""
        await self._names.close()

    def _may_be(self, text: str) -> bool:
        address = literal(text)
        return address is not None and permitted(address, encrypted=self._encrypted)


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """Read what is shown of an answer; its status counts, whatever comes of the rest."""
    read = b""
    try:
        while len(read) < _READ_BYTES and (some := await answer.content.read(_READ_BYTES)):
            read += some
    except (aiohttp.ClientError, OSError):
        pass
    finally:
        answer.close()
    text = read[:_READ_BYTES].decode(errors="replace")
    return "".join(c if c.isprintable() else " " for c in text)[:_SHOWN]


def _reason(error: Exception) -> str:
    """Say in few words why there was no answer; none of them are the URL's, which may be secret."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {error.certificate_error}"[:_SHOWN]
        case aiohttp.ClientConnectorDNSError() if error.os_error.errno == errno.EACCES:
            return _FORBIDDEN
        case aiohttp.ClientConnectorDNSError():
            return "its name stands for no address"
        case aiohttp.ClientSSLError():
            return "TLS failed"
        case aiohttp.ClientConnectorError():
            number = error.os_error.errno
            return f"no connection: {os.strerror(number)}" if number else "no connection"
        case _:
            return f"the connection broke: {type(error).__name__}"
