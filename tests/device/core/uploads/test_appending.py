"""What tus and the IETF's draft have in common: how long a body to a store may be that drops it."""

import pytest

from device.core.uploads import Broken, Cargo, Response, UploadProtocol
from device.core.uploads.classify import IETF, TUS, begin
from device.model import Target

EITHER = pytest.mark.parametrize("protocol", [TUS, IETF])


def _created(protocol: str) -> UploadProtocol:
    target = Target(url="https://store.example/files", protocol=protocol)
    upload = begin(target, Cargo(size_bytes=10, chunk_bytes=4, sha256="0" * 64), protocol)
    upload.received(Response(status=201, headers={"location": "/files/u1"}))
    return upload


def _at(offset: int) -> Response:
    return Response(status=204, headers={"upload-offset": str(offset), "upload-complete": "?0"})


@EITHER
def test_a_server_that_keeps_nothing_of_a_cut_gets_pieces(protocol: str) -> None:
    """A long body that left nothing behind would never arrive over a link that drops."""
    upload = _created(protocol)
    upload.received(Broken("cut"))
    upload.received(_at(0))

    assert 4 == upload.next_request().body_bytes


@EITHER
def test_a_server_that_keeps_what_arrived_gets_the_rest(protocol: str) -> None:
    """Where something was kept, all that is left goes at once."""
    upload = _created(protocol)
    upload.received(Broken("cut"))
    upload.received(_at(1))

    assert 9 == upload.next_request().body_bytes
