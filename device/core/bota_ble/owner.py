"""What a simulated Bota recorder was told by whoever owns it: token, settings, time (§5)."""

from device.core.bota_ble import uuids
from device.core.bota_ble.advertisement import Pairing
from device.core.bota_ble.provisioning import Result
from device.core.bota_ble.settings import DeviceSettings, encode_settings
from device.core.bota_ble.time_sync import decode_time

_HEADER_BYTES = 2


class Owner:
    """Survives connections, but for a token that was only half told."""

    def __init__(self) -> None:
        self.pairing = Pairing.UNPAIRED
        self.token: str | None = None
        self.settings = encode_settings(DeviceSettings())
        self.utc_s: int | None = None
        self._parts: list[bytes] = []

    def disconnected(self) -> None:
        """Forget half a token."""
        self._parts = []

    def set(self, characteristic: str, value: bytes) -> None:
        """Take a setting or the time; what makes no sense is left out."""
        if characteristic == uuids.DEVICE_SETTINGS:
            self.settings = value
        elif characteristic == uuids.TIME_SYNC and (told := decode_time(value)):
            self.utc_s = told[0] // 1000

    def token_chunk(self, value: bytes, forced: int | None) -> int | None:
        """Take `[index, total, part]`; return the result once the token is whole, or cannot be."""
        if self.pairing is Pairing.PAIRED:
            return Result.ALREADY_PAIRED
        if len(value) < _HEADER_BYTES or value[0] != len(self._parts):
            self._parts = []
            return Result.CHUNK_ERROR
        self._parts.append(value[_HEADER_BYTES:])
        if len(self._parts) < value[1]:
            return None
        token, self._parts = b"".join(self._parts).decode(errors="replace"), []
        if forced is not None:
            return forced
        if not token.startswith("dtok_"):
            return Result.INVALID_TOKEN
        self.token, self.pairing = token, Pairing.PAIRED
        return Result.OK
