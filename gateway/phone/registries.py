"""Registries: where the device that a recorder is stands: in this gateway, or upstream."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from device.clock import Clock
from device.config import CloudConfig
from device.core import bota_api
from device.core.api_words import document_of, usable_token
from device.core.http_answer import ApiAnswer
from device.core.policy import MB
from device.errors import CloudRejected, CloudUnwell, NotTheCloud
from device.model import Condition, RecorderId, RecorderInfo, RecordingKey
from device.spool.spool import Spool
from device.transport import Transport
from gateway.devices import DeviceDesk
from gateway.errors import GatewayError, InvalidRequest
from gateway.model import Device
from gateway.phone.behalf import Named
from gateway.store import Store

_GOOD = frozenset({200, 201})
_NAME_CHARS = 64
_END_USER = "phone-end-user "
_NAMED = "phone-named "


class OwnRegistry:
    """See `Registry`: the devices of this gateway, asked without a detour."""

    def __init__(self, devices: DeviceDesk, store: Store, clock: Clock) -> None:
        self._devices = devices
        self._store = store
        self._clock = clock

    async def named(self, recording: RecordingKey) -> Named:
        """See `Registry.named`. Whose it is, the device says where the recording is created."""
        return Named(device_id=(await self._device(recording.recorder, None, None)).id)

    async def settled(self, recording: RecordingKey) -> None:
        """See `Registry.settled`: nothing is kept."""

    async def heard(self, info: RecorderInfo, end_user_id: str | None) -> str:
        """See `Registry.heard`. No command counts as delivered by this: nobody would do it."""
        device = await self._device(info.recorder, info, end_user_id)
        try:
            await self._store.reports.keep(device.id, report_of(info), {}, self._clock.now())
        except GatewayError as error:
            raise CloudUnwell(str(error)) from error
        return device.id

    async def _device(
        self, recorder: RecorderId, info: RecorderInfo | None, end_user_id: str | None
    ) -> Device:
        now = self._clock.now()
        wanted = Device(
            id="",
            serial_number=serial_of(recorder),
            model=info.model if info else None,
            firmware_version=info.firmware if info else None,
            end_user_id=end_user_id,
            created_at=now,
            updated_at=now,
        )
        try:
            return (await self._devices.register(wanted)).value
        except InvalidRequest as error:
            # A number that cannot be kept: no reason for other recorders' recordings to wait.
            raise CloudRejected(f"cannot register the recorder: {error}") from error
        except GatewayError as error:
            raise CloudUnwell(str(error)) from error


class UpstreamRegistry:
    """See `Registry`: the devices of the API that recordings are relayed to."""

    def __init__(  # noqa: PLR0913 - each is a seam of the composition root
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token: Callable[[], str],
        *,
        own: OwnRegistry,
        spool: Spool,
    ) -> None:
        """Take over nothing; the spool remembers whose a recorder is."""
        self._base_url = config.base_url.rstrip("/")
        self._transport = transport
        self._clock = clock
        self._token = token
        self._own = own
        self._spool = spool
        self._known: dict[RecorderId, str] = {}

    async def named(self, recording: RecordingKey) -> Named:
        """See `Registry.named`.

        Kept before it is said: another phone, or a late word of whose it is, must not make another
        request of one whose answer was lost, under the same Idempotency-Key.
        """
        name = _NAMED + recording.entry_id()
        said = await asyncio.to_thread(self._spool.kept, name)
        if said is not None:
            return Named(**said.value)
        device_id = await self._device(recording.recorder)
        user = await asyncio.to_thread(self._spool.kept, _END_USER + recording.recorder)
        named = Named(device_id=device_id, end_user_id=user.value if user else "")
        await asyncio.to_thread(self._spool.keep, name, asdict(named))
        return named

    async def settled(self, recording: RecordingKey) -> None:
        """See `Registry.settled`."""
        await asyncio.to_thread(self._spool.keep, _NAMED + recording.entry_id(), None)

    async def heard(self, info: RecorderInfo, end_user_id: str | None) -> str:
        """See `Registry.heard`: the own gateway shows it too. Orders in the answer are not ours."""
        if end_user_id:
            await self._remember(info.recorder, end_user_id)
        own_id = await self._own.heard(info, end_user_id)
        device_id = await self._device(info.recorder)
        path = f"/devices/{quote(device_id, safe='')}/heartbeat"
        answer = await self._post(path, report_of(info))
        if answer.status not in _GOOD:
            bota_api.refuse(answer, doing="send the heartbeat")
        return own_id

    async def _device(self, recorder: RecorderId) -> str:
        device_id = self._known.get(recorder)
        if device_id is None:
            answer = await self._post("/devices", {"serial_number": serial_of(recorder)})
            if answer.status not in _GOOD:
                bota_api.refuse(answer, doing="register the recorder")
            device_id = document_of(answer).get("id")
            if not isinstance(device_id, str) or not device_id:
                raise NotTheCloud("the answer names no device")
            self._known[recorder] = device_id
        return device_id

    async def _remember(self, recorder: RecorderId, end_user_id: str) -> None:
        known = await asyncio.to_thread(self._spool.kept, _END_USER + recorder)
        if known is None or known.value != end_user_id:
            await asyncio.to_thread(self._spool.keep, _END_USER + recorder, end_user_id)

    async def _post(self, path: str, body: dict[str, Any]) -> ApiAnswer:
        token = usable_token(await asyncio.to_thread(self._token))
        headers = {"Authorization": f"Bearer {token}"}
        return await self._transport.call("POST", f"{self._base_url}{path}", headers, body)


def serial_of(recorder: RecorderId) -> str:
    """Give the number on its case: what follows the kind in a recorder's id."""
    return recorder.partition(":")[2] or recorder


def report_of(info: RecorderInfo) -> dict[str, Any]:
    """Write what a recorder tells as a heartbeat; what it does not tell is left out."""
    state = "syncing"
    if Condition.RECORDING in info.conditions:
        state = "recording"
    stated: dict[str, Any] = {
        "battery_percent": info.battery_percent,
        "storage_used_mb": None if info.used_bytes is None else info.used_bytes // MB,
        "storage_total_mb": None if info.capacity_bytes is None else info.capacity_bytes // MB,
        "firmware_version": (info.firmware or "")[:_NAME_CHARS] or None,
        "device_state": state,
        "pending_recordings": info.pending,
        "connection_type": ["ble"],
    }
    return {key: value for key, value in stated.items() if value is not None}
