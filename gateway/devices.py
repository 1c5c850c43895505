"""What can be done with devices: register, bind, unbind, give and renew tokens."""

import dataclasses
import logging
import secrets

from device.clock import Clock
from gateway.access import new_id
from gateway.core.ids import Prefix
from gateway.core.tokens import credential_hash, derived_token, device_token
from gateway.errors import NotFound
from gateway.model import Caller, Device, DeviceCaller, DeviceToken, Intent
from gateway.store import Made, Store

logger = logging.getLogger(__name__)

_TOKEN_BYTES = 32
ME = "me"


class DeviceDesk:
    """The use cases of devices."""

    def __init__(self, store: Store, clock: Clock, *, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret

    async def register(self, wanted: Device) -> Made[Device]:
        """Register a device; the same serial number gives the same device."""
        now = self._clock.now()
        device = dataclasses.replace(
            wanted, id=new_id(Prefix.DEVICE), created_at=now, updated_at=now
        )
        made = await self._store.devices.create(device)
        if not made.replayed:
            logger.info("A device was registered.", extra={"device_id": device.id})
        return made

    async def find(self, caller: Caller, device_id: str) -> Device:
        """Look up a device the caller may see; a device sees itself, also as `me`.

        Raises:
            NotFound: No such device, or another one.
        """
        if isinstance(caller, DeviceCaller):
            if device_id not in (ME, caller.device_id):
                raise NotFound("there is no such device")
            device_id = caller.device_id
        device = await self._store.devices.device(device_id)
        if device is None:
            raise NotFound("there is no such device")
        return device

    async def bind(
        self, caller: Caller, device_id: str, end_user_id: str, intent: Intent | None
    ) -> tuple[Made[Device], str]:
        """Bind a device to a user; answers its new token, the only one from now on.

        Raises:
            DeviceAlreadyBound: Unbind it first.
        """
        device = await self.find(caller, device_id)
        if intent is None:
            text = device_token(secrets.token_bytes(_TOKEN_BYTES))
        else:
            # The same request again must give the same token, and no token's text is kept.
            text = derived_token(
                self._secret, "bind", device.id, intent.owner, intent.key, intent.fingerprint
            )
        made = await self._store.devices.bind(
            device.id, end_user_id, self._fresh(device.id, text), intent
        )
        logger.info("A device was bound.", extra={"device_id": device.id})
        return made, text

    async def unbind(self, caller: Caller, device_id: str) -> Device:
        """Free a device from its user and revoke its tokens; repeatable."""
        device = await self.find(caller, device_id)
        freed = await self._store.devices.unbind(device.id, self._clock.now())
        logger.info("A device was unbound.", extra={"device_id": device.id})
        return freed

    async def refresh(self, caller: DeviceCaller, device_id: str) -> str:
        """Issue the successor of the caller's token; the same one again if the answer was lost."""
        await self.find(caller, device_id)
        text = derived_token(self._secret, "refresh", caller.token.id)
        successor = dataclasses.replace(
            self._fresh(caller.device_id, text),
            parent_id=caller.token.id,
            enrolment=caller.token.enrolment,
        )
        await self._store.devices.succeed(caller.token, successor)
        logger.info("A device token was renewed.", extra={"device_id": caller.device_id})
        return text

    async def named(self, name: str) -> Device:
        """Look up a device by serial number or id, as operators name it.

        Raises:
            NotFound: There is none.
        """
        device = await self._store.devices.by_serial(name) or await self._store.devices.device(name)
        if device is None:
            raise NotFound(f"there is no device {name}", hint="fieldpost-gateway devices ls")
        return device

    async def issue(self, device: Device) -> str:
        """Give a device a token outside the API; earlier ones are revoked."""
        text = device_token(secrets.token_bytes(_TOKEN_BYTES))
        await self._store.devices.issue(self._fresh(device.id, text))
        return text

    def _fresh(self, device_id: str, text: str) -> DeviceToken:
        return DeviceToken(
            id=new_id(Prefix.TOKEN),
            device_id=device_id,
            token_hash=credential_hash(text),
            created_at=self._clock.now(),
        )
