"""HTTP to an object store: one session, a deadline on every wait, errors in the gateway's words."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from device.proxies import of_environment
from gateway.errors import StorageFailed, StorageFull, Unavailable

logger = logging.getLogger(__name__)

_CONNECT_S = 10.0
_ANSWER_S = 30.0
_READ_BYTES = 1024 * 1024
_FULL = (b"InsufficientStorage", b"StorageFull", b"QuotaExceeded", b"quotaExceeded")
_TOO_LATE, _TOO_MANY, _SERVER_ERROR, _UNKNOWN, _NO_ROOM = 408, 429, 500, 501, 507
ANY = frozenset(range(200, 600))
"""As `good`: whoever asks judges the answer."""
_MOST_BYTES = 16 * 1024 * 1024
"""Far more than any answer has that is not an object: pages of 1,000 names."""


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What the store answered; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class StoreHttp:
    """Asks one object store; made without a running loop, opened by the first request.

    Proxies are those of HTTPS_PROXY, NO_PROXY and their like when it is made.
    """

    def __init__(self) -> None:
        self._proxies = of_environment(os.environ)
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        good: frozenset[int] = frozenset({200}),
    ) -> StoreAnswer:
        """Send one short request; `good` are the statuses that are an answer.

        Raises:
            StorageFull: The store has no room.
            Unavailable: It does not answer, or is unwell.
            StorageFailed: It refuses us: a fault of the configuration, for the log to tell.
        """
        with _mapped():
            async with (
                asyncio.timeout(_ANSWER_S),
                self._request(method, url, headers, body) as response,
            ):
                answer = StoreAnswer(
                    response.status,
                    {name.lower(): value for name, value in response.headers.items()},
                    await _read(response.content),
                )
        if answer.status not in good:
            raise refused(answer)
        return answer

    @asynccontextmanager
    async def reading(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator["Reading | None"]:
        """Open an object to read it whole; None when it is not there.

        Raises:
            StorageFull, Unavailable, StorageFailed: As `ask`.
        """
        with _mapped():
            async with self._request("GET", url, headers, b"") as response:
                if response.status == 404:  # noqa: PLR2004 - Not Found
                    yield None
                    return
                if response.status != 200:  # noqa: PLR2004 - OK
                    body = await response.content.read(4096)
                    raise refused(StoreAnswer(response.status, {}, body))
                yield Reading(response)

    async def aclose(self) -> None:
        """Close the connections; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _request(
        self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes
    ) -> "aiohttp.client._RequestContextManager":
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=_CONNECT_S, sock_read=_ANSWER_S
                ),
                # Nothing is added that was not signed, and objects are read as they are stored.
                skip_auto_headers=("Content-Type", "Accept-Encoding"),
                auto_decompress=False,
                read_bufsize=_READ_BYTES,
                # Not trust_env: it would send a login of ~/.netrc beside what was signed.
                trust_env=False,
            )
        return self._session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            proxy=self._proxies.way_to(url),
        )


class Reading:
    """An object being read. Each block has its own deadline."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.size_bytes = response.content_length
        """What the store announced, None if it did not."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names are lower case."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def blocks(self) -> AsyncIterator[bytes]:
        """Give all of it, up to 1 MiB at a time."""
        while block := await self._response.content.read(_READ_BYTES):
            yield block


def refused(answer: StoreAnswer) -> StorageFull | StorageFailed | Unavailable:
    """Say what an answer other than a good one means."""
    if answer.status == _NO_ROOM or any(code in answer.body for code in _FULL):
        return StorageFull("the object store has no room for more bytes")
    unwell = answer.status >= _SERVER_ERROR and answer.status != _UNKNOWN
    if unwell or answer.status in {_TOO_LATE, _TOO_MANY}:
        return Unavailable(f"the object store is unwell: HTTP {answer.status}")
    logger.error(
        "The object store refuses the gateway.",
        # Its words hold no secret but may echo a signed request: the code alone is kept.
        extra={"status": answer.status, "code": error_code(answer.body)},
    )
    words = f"HTTP {answer.status} {error_code(answer.body)}".rstrip()
    return StorageFailed(f"the object store refuses the gateway: {words}")


async def _read(content: aiohttp.StreamReader) -> bytes:
    body = b""
    while block := await content.read(_MOST_BYTES + 1 - len(body)):
        body += block
        if len(body) > _MOST_BYTES:
            raise StorageFailed("the object store's answer is too long")
    return body


def error_code(body: bytes) -> str:
    """Read the code of S3's error document; empty where there is none."""
    _, found, rest = body.partition(b"<Code>")
    return rest.partition(b"</Code>")[0][:80].decode("ascii", "replace") if found else ""


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn the client's errors into the gateway's."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable("the object store does not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        # Not in the error's own words: they may hold the URL, which is signed.
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number else type(error).__name__
        raise Unavailable(f"the object store cannot be reached: {why}") from error
