"""Whether what the gateway depends on can be used now, in words for whoever runs it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from gateway.errors import GatewayError

Ready = Callable[[str, str | None], None]
"""Told once that the gateway accepts requests: its own URL, and what is wrong, None if nothing."""


class Pingable(Protocol):
    """What can be asked whether it works: the database, the object store."""

    async def ping(self) -> None:
        """Do nothing but what proves that it works."""
        ...


async def fault(what: Pingable, within_s: float) -> str | None:
    """Say why it cannot be used and what to do about it; None where all is well."""
    try:
        async with asyncio.timeout(within_s):
            await what.ping()
    except TimeoutError:
        return f"no answer within {within_s:.0f} s"
    except GatewayError as error:
        return f"{error}; {error.hint}" if error.hint else str(error)
    return None
