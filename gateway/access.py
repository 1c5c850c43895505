"""Who is calling, and may they: API keys with scopes, device tokens with their overlap."""

import hmac
import secrets

from device.clock import Clock
from gateway.core.ids import ENTROPY_BYTES, Prefix, make_id
from gateway.core.tokens import Credential, Standing, credential_hash, kind, standing
from gateway.errors import Forbidden, Unauthorized
from gateway.model import Caller, DeviceCaller, KeyCaller, Scope
from gateway.store import Store


def new_id(prefix: Prefix) -> str:
    """Make a fresh id."""
    return make_id(prefix, secrets.token_bytes(ENTROPY_BYTES))


OWN = KeyCaller(
    "own", frozenset({Scope.RECORDINGS_READ, Scope.RECORDINGS_WRITE}), "what phones bring"
)
"""This gateway itself, which uploads what phones bring."""


class Access:
    """Tells callers apart by the Authorization header."""

    def __init__(self, store: Store, clock: Clock, *, own_key: str) -> None:
        self._store = store
        self._clock = clock
        self._own_key = own_key

    async def caller(self, authorization: str | None, *, refreshing: bool = False) -> Caller:
        """Say who is calling.

        Args:
            authorization: The header as it came, None if absent.
            refreshing: The request asks for the next device token: the one thing that a token may
                still do after its overlap, while its successor was never used.

        Raises:
            Unauthorized: Nobody we know, or not any more. The sentence does not say which.
        """
        scheme, _, text = (authorization or "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise Unauthorized("send `Authorization: Bearer` with an API key or a device token")
        if not text.isascii():
            # Bytes that are no text arrive as half characters, which cannot even be hashed.
            raise Unauthorized("the credential is not valid")
        match kind(text):
            case Credential.KEY:
                return await self._key(text)
            case Credential.DEVICE:
                return await self._device(text, refreshing=refreshing)
            case None:
                raise Unauthorized("the credential is not valid")

    async def _key(self, text: str) -> KeyCaller:
        if hmac.compare_digest(text, self._own_key):
            return OWN
        key = await self._store.keys.key(credential_hash(text))
        if key is None or key.revoked_at is not None:
            raise Unauthorized("the credential is not valid")
        return KeyCaller(key.id, key.scopes, name=key.name)

    async def _device(self, text: str, *, refreshing: bool) -> DeviceCaller:
        token = await self._store.devices.token(credential_hash(text))
        if token is None:
            raise Unauthorized("the credential is not valid")
        now = self._clock.now()
        match standing(token, now):
            case Standing.DEAD:
                raise Unauthorized("the credential is not valid")
            case Standing.REFRESH_ONLY if not refreshing:
                raise Unauthorized("the credential was replaced; fetch its successor again")
            case _:
                pass
        if token.first_used_at is None:
            await self._store.devices.used(token, now)
        return DeviceCaller(token.device_id, token)


def permit(caller: Caller, scope: Scope | None, *, devices: bool) -> None:
    """Let a caller do one kind of thing.

    Args:
        caller: Who is calling.
        scope: What an API key must carry; None when API keys are not admitted.
        devices: Whether device tokens are admitted.

    Raises:
        Forbidden: Not with this credential.
    """
    match caller:
        case KeyCaller():
            if scope is None:
                raise Forbidden("this needs a device token")
            if scope not in caller.scopes:
                raise Forbidden(f"the API key lacks the scope {scope}")
        case DeviceCaller():
            if not devices:
                raise Forbidden("this needs an API key")
