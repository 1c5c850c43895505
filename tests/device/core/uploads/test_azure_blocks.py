"""Azure block blobs through one SAS URL, answer by answer."""

import base64

import pytest

from device.core.uploads import (
    Advanced,
    Ambiguous,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Expired,
    Gone,
    NotTheStore,
    Refused,
    Response,
    Throttled,
)
from device.core.uploads.azure_blocks import AzureBlocks
from device.core.uploads.classify import AZURE_BLOCKS
from device.model import Evidence, Target, UploadSession
from tests.device.core.uploads.test_refusals import PAGE, _xml

SAS = "https://a.blob.core.windows.net/c/b?sv=2024-11-04&sr=b&sp=cw&sig=s%2Fs"
UP = Response(status=201)
HEADERS = (
    ("Content-Type", "audio/opus"),
    ("x-ms-blob-type", "BlockBlob"),
    ("x-ms-version", "2024-11-04"),
    ("x-ms-meta-site", "Glen"),
    ("If-None-Match", "*"),
)


def _blocks(
    size_bytes: int = 10,
    *answers: Response | Broken,
    headers: tuple[tuple[str, str], ...] = HEADERS,
    chunk_bytes: int = 4,
) -> AzureBlocks:
    session = UploadSession(target=Target(url=SAS, headers=headers), protocol=AZURE_BLOCKS)
    cargo = Cargo(size_bytes=size_bytes, chunk_bytes=chunk_bytes, sha256="ab" * 32)
    blocks = AzureBlocks(session, cargo, resumed=False)
    for answer in answers:
        blocks.received(answer)
    return blocks


def test_a_block_goes_to_the_same_url() -> None:
    """The SAS as handed, and after it which block; headers of the blob stay for its list."""
    request = _blocks(10, UP).next_request()
    name = base64.b64encode(b"000001abababababab").decode()

    assert f"{SAS}&comp=block&blockid={name}" == request.url
    assert (("x-ms-version", "2024-11-04"),) == request.headers
    assert (4, 4) == (request.body_offset, request.body_bytes)


def test_the_list_makes_the_blob() -> None:
    """The list names every block in order, and carries what is said of the blob."""
    request = _blocks(10, UP, UP, UP).next_request()
    names = [base64.b64encode(f"{n:06d}abababababab".encode()).decode() for n in range(3)]
    listed = "".join(f"<Latest>{name}</Latest>" for name in names)

    expected = '<?xml version="1.0" encoding="utf-8"?><BlockList>' + listed + "</BlockList>"
    assert expected.encode() == request.content
    assert f"{SAS}&comp=blocklist" == request.url
    assert (*HEADERS[2:], ("x-ms-blob-content-type", "audio/opus")) == request.headers


def test_a_handed_type_of_the_blob_wins() -> None:
    """What was handed for the blob is not said twice."""
    headers = (("X-Ms-Blob-Content-Type", "a/b"),)

    assert headers == _blocks(0, headers=headers).next_request().headers


def test_ids_are_of_one_length() -> None:
    """Every id decodes to the same number of bytes, at most 64, and needs no escape."""
    blocks = _blocks(50_000 * 4, chunk_bytes=4)
    names = [blocks._id(n) for n in (0, 9, 49_999)]

    assert {24} == {len(name) for name in names}
    assert all(name.isalnum() for name in names)


def test_a_huge_medium_has_larger_blocks() -> None:
    """No more than 50,000 blocks, whatever is configured."""
    assert 5 == _blocks(250_000, chunk_bytes=4).next_request().body_bytes


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (UP, Advanced),
        (Broken("cut"), Ambiguous),
        (Response(status=403, body=_xml("AuthenticationFailed")), Expired),
        (Response(status=404, body=_xml("ContainerNotFound")), Gone),
        (Response(status=503, body=_xml("ServerBusy")), Throttled),
        (Response(status=400, body=_xml("InvalidBlobOrBlock")), Refused),
        (Response(status=409, body=_xml("BlobAlreadyExists")), Ambiguous),
        (PAGE, NotTheStore),
    ],
)
def test_answers_to_a_block(answer: Response | Broken, kind: type) -> None:
    """Each answer has one meaning; a block is up only on 201."""
    assert isinstance(_blocks().received(answer), kind)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response(status=201, headers={"etag": "e"}), Complete),
        (Response(status=409, body=_xml("BlobAlreadyExists")), Complete),
        (Response(status=412, body=_xml("ConditionNotMet")), Complete),
        (Response(status=400, body=_xml("InvalidBlockList")), Conflict),
        (Response(status=200), Ambiguous),
        (PAGE, NotTheStore),
        (Broken("cut"), Ambiguous),
    ],
)
def test_answers_to_the_list(answer: Response | Broken, kind: type) -> None:
    """A blob that exists is the one whose answer was lost; missing blocks are sent again."""
    assert isinstance(_blocks(4, UP).received(answer), kind)


def test_the_etag_is_evidence() -> None:
    """The blob's ETag is kept."""
    outcome = _blocks(4, UP).received(Response(status=201, headers={"etag": "e"}))

    assert Complete(Evidence(status=201, etag="e")) == outcome


def test_lost_blocks_are_sent_again() -> None:
    """Uncommitted blocks live a week; after it all go again."""
    blocks = _blocks(4, UP, Response(status=400, body=_xml("InvalidBlockList")))

    assert 4 == blocks.next_request().body_bytes


def test_an_empty_list_that_is_refused_ends() -> None:
    """An empty medium has no block to send again."""
    blocks = _blocks(0)

    assert isinstance(blocks.received(Response(status=400, body=_xml("InvalidBlockList"))), Refused)


@pytest.mark.parametrize(("path", "offset"), [("/c/b", 8), ("/c/other", 0)])
def test_blocks_belong_to_their_blob(path: str, offset: int) -> None:
    """A fresh SAS of the same blob goes on; one of another blob begins anew."""
    before = _blocks(10, UP, UP).session
    target = Target(url=f"https://a.blob.core.windows.net{path}?sv=1&sr=b&sig=new")
    session = UploadSession(target=target, protocol=AZURE_BLOCKS, state=before.state)
    cargo = Cargo(size_bytes=10, chunk_bytes=7)

    assert offset == AzureBlocks(session, cargo, resumed=True).offset


def test_the_size_of_a_block_is_the_sessions() -> None:
    """A configuration that changed meanwhile does not move the bounds."""
    session = _blocks(10, UP).session

    blocks = AzureBlocks(session, Cargo(size_bytes=10, chunk_bytes=7), resumed=True)

    assert (4, 4) == (blocks.next_request().body_offset, blocks.next_request().body_bytes)


def test_a_url_without_a_query() -> None:
    """A container that needs no SAS still gets a proper query."""
    session = UploadSession(target=Target(url="https://a/c/b"), protocol=AZURE_BLOCKS)
    blocks = AzureBlocks(session, Cargo(size_bytes=0, chunk_bytes=1), resumed=False)

    assert "https://a/c/b?comp=blocklist" == blocks.next_request().url
