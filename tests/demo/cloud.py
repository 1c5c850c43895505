"""The far end of the demo: a real gateway, an account on it, and a line to it that is cut once."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.demo.comparing import StoredMedium, stored_media
from tests.demo.stage import Player, output, playing
from tests.fakes.chaos_proxy import ChaosProxy, Faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A gateway at work; `line` leads to it, `token_file` lets an agent in."""

    gateway: Player
    line: ChaosProxy
    token_file: Path
    api_url: str
    api_key: str

    async def stored(self) -> dict[str, list[StoredMedium]]:
        """Download everything it stores; by the agent's entry id."""
        return await stored_media(self.api_url, self.api_key)


@contextlib.asynccontextmanager
async def cloud(folder: Path, *, cut_at_bytes: int) -> AsyncIterator[Cloud]:
    """Run a gateway; the line to it breaks once, after so many bytes towards it."""
    data = ("--data", str(folder / "gateway"))
    device = json.loads(
        await output("fieldpost-gateway", "devices", "add", "DEMO-BOX", *data, "--json")
    )
    token_file = folder / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(device["device_token"] + "\n")
    key = json.loads(await output("fieldpost-gateway", "keys", "add", *data, "--json"))
    async with playing(
        "gateway",
        "fieldpost-gateway",
        *("serve", *data, "--listen", "127.0.0.1:0", "--json"),
        log=folder / "gateway.log",
    ) as gateway:
        address = await gateway.ready()
        port = int(address["url"].rsplit(":", 1)[1])
        async with ChaosProxy("127.0.0.1", port, Faults(cut_up_at=(cut_at_bytes,))) as line:
            yield Cloud(
                gateway=gateway,
                line=line,
                token_file=token_file,
                api_url=f"{address['url']}/v1",
                api_key=key["api_key"],
            )
