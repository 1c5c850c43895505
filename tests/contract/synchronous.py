"""A few calls of the API without an event loop: to set a gateway up before a test or a bench."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


class Caller:
    """Calls a gateway with one credential."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def get(self, path: str) -> Any:
        """Ask; answers the document."""
        return self._call("GET", path, None, {})

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Say something; answers the document."""
        return self._call("POST", path, json.dumps(body).encode(), dict(headers or {}))

    def _call(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback, our own server
            self._url + path,
            data=data,
            method=method,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - see above
            return json.load(answer)
