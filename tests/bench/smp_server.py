"""An SMP file server on a Bumble device: the far end of smpclient, Zephyr's mcumgr in its words.

It answers what a download asks, and refuses everything else as Zephyr does. In smpclient's favour
it answers at once, fills each answer to the last byte of its buffer, and has all notifications of
an answer on their way together, where Zephyr waits for each one to be sent (smp_bt.c).
"""

import asyncio
import struct
from dataclasses import dataclass

import cbor2
from bumble.att import Bearer
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service

SERVICE = "8D53DC1D-1DB7-4CD3-868B-8A527460AA84"
CHARACTERISTIC = "DA2E7828-FBCE-4E01-AE9E-261174997C48"

NETBUF_BYTES = 2475
"""Five writes of 495 bytes: what Nordic's server sample sets for throughput. Zephyr's own is 384.

smpclient takes answers of any length; how long they are is the server's choice.
"""
NETBUFS = 4

_HEADER = struct.Struct("!BBHHBB")
_VERSION_2 = 1 << 3
_READ = 0
_FS_GROUP = 8
_PARAMETERS = 0, 6
_DOWNLOAD = _FS_GROUP, 0
"""Group and command."""

_MGMT_INVALID, _MGMT_NOT_SUPPORTED = 3, 8
_FS_NOT_FOUND, _FS_OFFSET_TOO_LARGE = 3, 12
_ATT_HEADER_BYTES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message from a host."""

    op: int
    group: int
    sequence: int
    command: int
    body: dict[str, object]


class Malformed(Exception):
    """What came is no SMP request. Zephyr drops it in silence; a bench rather fails."""


class SmpFiles:
    """Answers requests about files in memory; owns no connection."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self._held = bytearray()

    def forget(self) -> None:
        """Drop what has come of a request."""
        self._held.clear()

    def received(self, value: bytes) -> bytes | None:
        """Take one write; return the answer to the request that it completes, if it does.

        Raises:
            Malformed: A request is longer than the buffer, or no such thing.
        """
        self._held += value
        if len(self._held) < _HEADER.size:
            return None
        total = _HEADER.size + int.from_bytes(self._held[2:4], "big")
        if total > NETBUF_BYTES or len(self._held) > total:
            self._held.clear()
            raise Malformed("a request does not end where it says, or not in the buffer")
        if len(self._held) < total:
            return None
        whole = bytes(self._held)
        self._held.clear()
        return self._answer(_parse(whole))

    def _answer(self, request: Request) -> bytes:
        asked = request.group, request.command
        if request.op == _READ and asked == _PARAMETERS:
            return _encode(request, {"buf_size": NETBUF_BYTES, "buf_count": NETBUFS})
        if request.op == _READ and asked == _DOWNLOAD:
            return self._download(request)
        return _encode(request, {"rc": _MGMT_NOT_SUPPORTED})

    def _download(self, request: Request) -> bytes:
        match request.body:
            case {"off": int(offset), "name": str(name), **more} if offset >= 0 and not more:
                pass
            case _:
                return _encode(request, {"rc": _MGMT_INVALID})
        content = self._files.get(name)
        if content is None:
            return _encode(request, _file_error(_FS_NOT_FOUND))
        if offset > len(content):
            return _encode(request, _file_error(_FS_OFFSET_TOO_LARGE))
        size = {"len": len(content)} if offset == 0 else {}
        empty = _encode(request, {"off": offset, "data": b"", **size})
        room = NETBUF_BYTES - len(empty) - 2  # a longer byte string says its length in two bytes
        return _encode(request, {"off": offset, "data": content[offset : offset + room], **size})


class SmpEnd:
    """The server on a device that is not powered yet. Serves the host that wrote last."""

    def __init__(self, device: Device, files: SmpFiles) -> None:
        self._device = device
        self._files = files
        self._answers: asyncio.Queue[tuple[Connection, bytes]] = asyncio.Queue()
        properties = (
            Characteristic.Properties.WRITE_WITHOUT_RESPONSE | Characteristic.Properties.NOTIFY
        )
        self._characteristic = Characteristic[bytes](
            CHARACTERISTIC,
            properties,
            Characteristic.WRITEABLE,
            CharacteristicValue[bytes](write=self._written),
        )
        device.add_service(Service(SERVICE, [self._characteristic]))
        device.on(Device.EVENT_CONNECTION, lambda _: files.forget())
        device.advertising_data = bytes(
            AdvertisingData(
                [
                    (AdvertisingData.Type.FLAGS, b"\x06"),
                    (
                        AdvertisingData.Type.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
                        bytes(UUID(SERVICE)),
                    ),
                ]
            )
        )

    async def start(self) -> None:
        """Power the device on and advertise, again after each connection."""
        await self._device.power_on()
        await self._device.start_advertising(auto_restart=True)

    async def run(self) -> None:
        """Answer, until cancelled."""
        while True:
            host, answer = await self._answers.get()
            room = host.att_mtu - _ATT_HEADER_BYTES
            for start in range(0, len(answer), room):
                value = answer[start : start + room]
                await self._device.notify_subscriber(host, self._characteristic, value)

    def _written(self, bearer: Bearer, value: bytes) -> None:
        if (answer := self._files.received(value)) is not None:
            self._answers.put_nowait((bearer, answer))


def _parse(whole: bytes) -> Request:
    op, flags, _, group, sequence, command = _HEADER.unpack_from(whole)
    if op & ~(_VERSION_2 | 0b111) or flags:
        raise Malformed("reserved bits are set")
    try:
        body = cbor2.loads(whole[_HEADER.size :])
    except (cbor2.CBORDecodeError, EOFError) as error:
        raise Malformed("the body is no CBOR") from error
    if not isinstance(body, dict):
        raise Malformed("the body is no map")
    return Request(op=op & 0b111, group=group, sequence=sequence, command=command, body=body)


def _encode(request: Request, body: dict[str, object]) -> bytes:
    encoded = cbor2.dumps(body)
    header = _HEADER.pack(
        (request.op + 1) | _VERSION_2,
        0,
        len(encoded),
        request.group,
        request.sequence,
        request.command,
    )
    return header + encoded


def _file_error(code: int) -> dict[str, object]:
    return {"err": {"group": _FS_GROUP, "rc": code}}
