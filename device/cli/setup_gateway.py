"""Ask an address whether a gateway of ours answers there, before anybody builds on it."""

import asyncio
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from device.config import CloudConfig, NetworkConfig
from device.config_clouds import is_loopback
from device.core.http_answer import ApiAnswer
from device.errors import CloudError, NotTheCloud
from device.outlet import open_outlet
from device.transport import Transport
from device.words import printable

_OK = 200
_TLS, _PLAIN = "https://", "http://"
_IN_CLEAR = "the box's token can then be read on the way, which [cloud] allow_http = true allows"


async def who_answers(
    cloud: CloudConfig, network: NetworkConfig, environ: Mapping[str, str]
) -> str:
    """Say in words who answers at a gateway's address.

    Raises:
        CloudError: Nobody does, or somebody else, or a gateway that speaks no TLS where it should.
        ConfigInvalid: A file of [network] cannot be used.
    """
    root = cloud.base_url.rstrip("/").rpartition("/")[0]
    transport = await asyncio.to_thread(open_outlet, network, environ)
    async with transport:
        try:
            answer = await _asked(transport, root)
        except NotTheCloud as error:
            if not await _is_plain(transport, root):
                raise
            raise _without_tls(cloud.base_url) from error
    if (name := _name(answer)) is None:
        raise NotTheCloud(
            f"something answers at {root}, but no Fieldpost gateway (HTTP {answer.status})",
            hint="check the address; sign in to the network's portal if there is one",
        )
    return f"{name} answers"


async def _asked(transport: Transport, root: str) -> ApiAnswer:
    return await transport.call("GET", f"{root}/version", {}, None)


async def _is_plain(transport: Transport, root: str) -> bool:
    """Say whether a gateway answers without TLS; the question holds no secret."""
    if not root.startswith(_TLS):
        return False
    try:
        return _name(await _asked(transport, root.replace(_TLS, _PLAIN, 1))) is not None
    except CloudError:
        return False


def _without_tls(base_url: str) -> NotTheCloud:
    plain = base_url.replace(_TLS, _PLAIN, 1)
    hint = f"--base-url {plain}"
    if not is_loopback(urlsplit(base_url).hostname or ""):
        hint += f"; {_IN_CLEAR}"
    return NotTheCloud(f"a gateway answers at {plain}, but not with TLS", hint=hint)


def _name(answer: ApiAnswer) -> str | None:
    """Return what a gateway calls itself; None: it is none."""
    try:
        told = json.loads(answer.body)
    except ValueError:
        return None
    if answer.status != _OK or not isinstance(told, dict) or not told.get("name"):
        return None
    return printable(f"{told['name']} {told.get('version', '')}".rstrip())
