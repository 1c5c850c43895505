"""Two questions to a cloud that leave no trace: who are you, and is our token good?"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from device.config import CloudConfig, NetworkConfig
from device.core.api_words import refusal_document
from device.core.http_answer import looks_like_html
from device.errors import CloudUnreachable, NotTheCloud
from device.outlet import proxies_of
from device.probe.certificates import Certificate, broken, holds, shown
from device.probe.wire import hop_of, reached
from device.tls import client_context
from device.transport import Transport
from device.verdict import Finding, failed, ok, warning
from device.words import printable

__all__ = ["CloudUnreachable", "admitted", "secured"]

_REFUSED = frozenset({401, 403})
_KNOWN = frozenset({400, 404, 409, 422, 425})
"""What an API says of a recording that does not exist, once it has taken the token."""
_UNWELL = 500
_THROTTLED = 429
PORTAL = "sign in to the network's portal, or check base_url"


async def secured(
    url: str, network: NetworkConfig, environ: Mapping[str, str], now: datetime
) -> Finding:
    """Connect as uploads do, and judge the certificate; nothing is asked.

    Raises:
        CloudUnreachable: Nobody answers.
        NotTheCloud: The proxy refuses.
        ConfigInvalid: A file of [network] cannot be used.
    """
    proxies = await asyncio.to_thread(proxies_of, network, environ)
    hop = hop_of(url, proxies)
    if urlsplit(url).scheme == "http":
        async with reached(hop):
            return ok(f"{hop.host}:{hop.port} answers, without TLS")
    context = await asyncio.to_thread(client_context, network)
    try:
        async with reached(hop) as line:
            await line.start_tls(context)
            tls = line.tls()
            told = tls.getpeercert() if tls else None
            version = tls.version() if tls else None
    except ssl.SSLError as error:
        return broken(error, hop, await shown(hop), now)
    if not told:
        return warning("the server showed no certificate", PORTAL)
    found = holds(Certificate.of(told), now)
    return Finding(verdict=found.verdict, sentence=f"{version}; {found.sentence}", fix=found.fix)


async def admitted(cloud: CloudConfig, token: str, transport: Transport) -> Finding:
    """Complete a recording that does not exist: whoever may not is told so first.

    It is the one call of Bota's API that a device token may make, and that changes nothing.

    Raises:
        CloudUnreachable: Nobody answers.
        NotTheCloud: Somebody else does.
    """
    answer = await transport.call(
        "POST",
        f"{cloud.base_url.rstrip('/')}/recordings/rec_none/upload-complete",
        {"Authorization": f"Bearer {token}"},
        {},
    )
    if looks_like_html(answer.headers, answer.body) or 300 <= answer.status < 400:  # noqa: PLR2004 - redirects
        raise NotTheCloud(f"a page for people answers in place of the API (HTTP {answer.status})")
    if answer.status in _REFUSED:
        return failed(
            printable(f"the API refuses the token (HTTP {answer.status})"),
            f"sudo fieldpost enrol, with a new token or code; it is kept in {cloud.token_file}",
        )
    if answer.status == _THROTTLED:
        return warning("the API asks to slow down (HTTP 429)", "wait; uploads go on by themselves")
    if answer.status >= _UNWELL:
        return failed(
            f"the API is unwell (HTTP {answer.status})", "wait, or call whoever runs the gateway"
        )
    if answer.status in _KNOWN and refusal_document(answer):
        return ok("the API takes the token")
    raise NotTheCloud(
        f"HTTP {answer.status}: what answers is not this API", hint="check base_url, its path too"
    )
