"""What a host finds on a simulated Bota recorder: its characteristics, and their uses (§3, §10.2).

WiFi and commands under a grant are there to be seen and do nothing: no one but the maker's backend
can make a grant. Of encrypted upload v2 there is the one characteristic by which hosts detect it;
a transfer in that profile is left out, because the driver never asks for one.
"""

from device.core.bota_ble import uuids

READ = "read"
WRITE = "write"
NOTIFY = "notify"

TABLE: dict[str, frozenset[str]] = {
    uuids.MODEL: frozenset({READ}),
    uuids.SERIAL: frozenset({READ}),
    uuids.FIRMWARE: frozenset({READ}),
    uuids.BATTERY_LEVEL: frozenset({READ}),
    uuids.DEVICE_STATUS: frozenset({READ, NOTIFY}),
    uuids.RECORDING_CONTROL: frozenset({WRITE}),
    uuids.RECORDING_STATUS: frozenset({READ, NOTIFY}),
    uuids.TIME_SYNC: frozenset({WRITE}),
    uuids.DEVICE_COMMAND: frozenset({WRITE}),
    uuids.PAIRING_STATE: frozenset({READ}),
    uuids.DEVICE_TOKEN: frozenset({WRITE}),
    uuids.API_ENDPOINT: frozenset({WRITE}),
    uuids.PROVISIONING_RESULT: frozenset({NOTIFY}),
    uuids.DEVICE_SETTINGS: frozenset({READ, WRITE}),
    uuids.STORAGE_INFO: frozenset({READ}),
    uuids.RECORDING_LIST: frozenset({NOTIFY}),
    uuids.RECORDING_TRANSFER: frozenset({NOTIFY, WRITE}),
    uuids.TRANSFER_CONTROL: frozenset({WRITE}),
    uuids.TRANSFER_STATUS: frozenset({NOTIFY}),
    uuids.DEVICE_KEY: frozenset({READ}),
    uuids.AUTH_NONCE: frozenset({READ}),
    uuids.WIFI_STATUS: frozenset({READ}),
}

V2: dict[str, frozenset[str]] = {uuids.CAPABILITIES_V2: frozenset({READ})}

CAPABILITIES = bytes.fromhex("01021800 7f000000 9801 4402 c401 1000 10000000 1000 0000")
"""§8.1, all seven features that a batch needs; payloads of 452 bytes, windows of 16."""
