"""How google-auth fetches a token: one short request with the standard library, in a thread."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any

from google.auth.exceptions import TransportError
from google.auth.transport import Request, Response

_ANSWER_S = 10.0


class Fetched(Response):
    """What came back, in the library's words."""

    def __init__(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self._status, self._headers, self._data = status, headers, data

    @property
    def status(self) -> int:
        """See `google.auth.transport.Response`."""
        return self._status

    @property
    def headers(self) -> Mapping[str, str]:
        """See `google.auth.transport.Response`."""
        return self._headers

    @property
    def data(self) -> bytes:
        """See `google.auth.transport.Response`."""
        return self._data


class Fetch(Request):
    """Sends the requests that google-auth makes up."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_more: Any,
    ) -> Fetched:
        """See `google.auth.transport.Request`."""
        request = urllib.request.Request(  # noqa: S310 - URLs of google-auth and its key file
            url, data=body, headers=dict(headers or {}), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout or _ANSWER_S) as answer:  # noqa: S310 - as above
                return Fetched(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Fetched(error.code, dict(error.headers), error.read())
        except (OSError, HTTPException) as error:
            raise TransportError(str(error)) from error
