"""Ask an address whether a gateway of ours answers there, before anybody builds on it."""

import asyncio
import json
from collections.abc import Mapping

from device.config import CloudConfig, NetworkConfig
from device.errors import NotTheCloud
from device.outlet import open_outlet
from device.words import printable

_OK = 200


async def who_answers(
    cloud: CloudConfig, network: NetworkConfig, environ: Mapping[str, str]
) -> str:
    """Say in words who answers at a gateway's address.

    Raises:
        CloudError: Nobody does, or somebody else.
        ConfigInvalid: A file of [network] cannot be used.
    """
    root = cloud.base_url.rstrip("/").rpartition("/")[0]
    transport = await asyncio.to_thread(open_outlet, network, environ)
    async with transport:
        answer = await transport.call("GET", f"{root}/version", {}, None)
    try:
        told = json.loads(answer.body)
    except ValueError:
        told = None
    if answer.status != _OK or not isinstance(told, dict) or not told.get("name"):
        raise NotTheCloud(
            f"something answers at {root}, but no Fieldpost gateway (HTTP {answer.status})",
            hint="check the address; sign in to the network's portal if there is one",
        )
    return printable(f"{told['name']} {told.get('version', '')}".rstrip() + " answers")
