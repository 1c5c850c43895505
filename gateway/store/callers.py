"""Seams of who may call: devices with their tokens, API keys, and sessions of the console."""

from datetime import datetime
from typing import Protocol

from gateway.model import ApiKey, Device, DeviceToken, Intent, WebSession
from gateway.store.made import Made


class Devices(Protocol):
    """Devices and their tokens."""

    async def create(self, device: Device) -> Made[Device]:
        """Keep a device, or return the one with the same serial number."""
        ...

    async def device(self, device_id: str) -> Device | None:
        """Look one up."""
        ...

    async def by_serial(self, serial_number: str) -> Device | None:
        """Look one up by the number on its case."""
        ...

    async def all(self) -> list[Device]:
        """List all, oldest first."""
        ...

    async def page(self, limit: int, offset: int) -> list[Device]:
        """List some, oldest first."""
        ...

    async def bind(
        self, device_id: str, end_user_id: str, token: DeviceToken, intent: Intent | None
    ) -> Made[Device]:
        """Bind to a user under a new token, which is from now on the only one.

        Raises:
            DeviceAlreadyBound: It is bound (and not by the same `intent`).
            IdempotencyMismatch: The key is known with another fingerprint.
        """
        ...

    async def unbind(self, device_id: str, at: datetime) -> Device:
        """Free from its user and revoke its tokens; repeatable."""
        ...

    async def token(self, token_hash: str) -> DeviceToken | None:
        """Look a token up by its hash; what another process revoked may show for a second."""
        ...

    async def issue(self, token: DeviceToken) -> None:
        """Keep a new token that is from now on the only one of its device."""
        ...

    async def succeed(self, parent: DeviceToken, token: DeviceToken) -> None:
        """Keep the successor of `parent` (or note again the one it has); `parent` stays.

        Raises:
            Unauthorized: `parent` was revoked meanwhile.
        """
        ...

    async def used(self, token: DeviceToken, at: datetime) -> None:
        """Note the first use of a token, which revokes those that it replaces; repeatable."""
        ...

    async def revoke(self, device_id: str, at: datetime) -> int:
        """Revoke all tokens of a device, and its codes; answers how many tokens were good."""
        ...


class Keys(Protocol):
    """API keys."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def key(self, key_hash: str) -> ApiKey | None:
        """Look one up by its hash; what another process revoked may show for a second."""
        ...

    async def all(self) -> list[ApiKey]:
        """List all, oldest first."""
        ...

    async def revoke(self, key_id: str, at: datetime) -> bool:
        """Revoke one; False when there is no such key."""
        ...


class Sessions(Protocol):
    """Who is signed in to the console."""

    async def add(self, session: WebSession) -> None:
        """Keep a new session; those that are over are forgotten."""
        ...

    async def session(self, session_hash: str, now: datetime) -> WebSession | None:
        """Look one up; None when there is none, it is over, or its key was revoked."""
        ...

    async def prolong(self, session_hash: str, seen_at: datetime, expires_at: datetime) -> None:
        """Note that a session is used; never back in time."""
        ...

    async def end(self, session_hash: str) -> None:
        """Forget a session; repeatable."""
        ...
