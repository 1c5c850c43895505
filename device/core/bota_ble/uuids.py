"""Where things stand in a Bota recorder's GATT table (§3)."""


def _bota(service: int, characteristic: int) -> str:
    return f"b07a{service:04x}-{characteristic:04x}-1000-8000-00805f9b34fb"


def _adopted(number: int) -> str:
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


def service_of(characteristic: str) -> str:
    """Return the service that a characteristic of this table stands in."""
    if characteristic == BATTERY_LEVEL:
        return BATTERY
    if not characteristic.startswith("b07a"):
        return INFO
    return f"{characteristic[:9]}0000{characteristic[13:]}"


INFO = _adopted(0x180A)
"""Device information: model, serial number and firmware."""
MODEL = _adopted(0x2A24)
SERIAL = _adopted(0x2A25)
FIRMWARE = _adopted(0x2A26)

BATTERY = _adopted(0x180F)
BATTERY_LEVEL = _adopted(0x2A19)

DEVICE_STATUS = _bota(2, 1)
RECORDING_CONTROL = _bota(2, 2)
RECORDING_STATUS = _bota(2, 3)
TIME_SYNC = _bota(2, 4)
DEVICE_COMMAND = _bota(2, 5)

PAIRING_STATE = _bota(3, 1)
DEVICE_TOKEN = _bota(3, 2)
API_ENDPOINT = _bota(3, 3)
PROVISIONING_RESULT = _bota(3, 5)
DEVICE_SETTINGS = _bota(3, 6)

STORAGE = _bota(4, 0)
"""The service of what follows, up to CAPABILITIES_V2."""
STORAGE_INFO = _bota(4, 1)
RECORDING_LIST = _bota(4, 2)
RECORDING_TRANSFER = _bota(4, 3)
TRANSFER_CONTROL = _bota(4, 4)
TRANSFER_STATUS = _bota(4, 5)
CAPABILITIES_V2 = _bota(4, 6)
"""Present only where encrypted upload v2 is; the firmware version and the model say nothing."""

DEVICE_KEY = _bota(5, 1)
"""PK_D: the recorder's public key, 64 bytes."""
AUTH_NONCE = _bota(5, 2)

WIFI_STATUS = _bota(6, 3)
