"""The strict store doubles behind one face, each with the targets that lead to it."""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from device.core.uploads import Request, Response
from device.core.uploads.classify import (
    AZURE_BLOCKS,
    CHUNKED_PUT,
    IETF,
    S3_PARTS,
    SINGLE_PUT,
    TUS,
)
from device.model import Target
from tests.device.core.uploads.conformance import TARGET
from tests.fakes.azure_store import AzureStore
from tests.fakes.chunked_store import ChunkedStore
from tests.fakes.ietf_store import IetfStore
from tests.fakes.parts_store import PartsStore
from tests.fakes.tus_store import TusStore

ORIGIN = "https://store.example"
Answer = tuple[int, dict[str, str], bytes]


def response(answer: Answer) -> Response:
    status, headers, body = answer
    lower = {name.lower(): value for name, value in headers.items()}
    return Response(status=status, headers=lower, body=body)


def lower(request: Request) -> dict[str, str]:
    names = [name.lower() for name, _ in request.headers]
    assert len(names) == len(set(names)), "no header twice"
    return {name.lower(): value for name, value in request.headers}


def declared(request: Request) -> int:
    return request.body_bytes or len(request.content)


class PlainDouble:
    """Atomic: a body that is not whole leaves nothing."""

    protocol = SINGLE_PUT

    def __init__(self) -> None:
        self.object: bytes | None = None
        self.round = 1

    def target(self) -> Target:
        return Target(url=f"{TARGET.url}&round={self.round}", headers=TARGET.headers)

    def take(self, request: Request, body: bytes) -> Response:
        assert request.headers == TARGET.headers
        if not request.url.endswith(f"&round={self.round}"):
            return Response(status=403)
        if len(body) == request.body_bytes:
            self.object = body
        return Response(status=200, headers={"etag": '"e"'})

    def content(self) -> bytes | None:
        return self.object

    def vanish(self) -> None:
        """There is no session."""

    def expire(self) -> None:
        self.round += 1

    def fall_back(self) -> None:
        """There is no offset."""

    def run_ahead(self, content: bytes) -> None:
        """There is no offset."""


class ChunkedDouble:
    """Our gateway's dialect: the URL is the session, and a fresh one leads to the same."""

    protocol = CHUNKED_PUT

    def __init__(self, size_bytes: int, quantum_bytes: int = 1) -> None:
        self.size_bytes = size_bytes
        self.quantum_bytes = quantum_bytes
        self.store = ChunkedStore(size_bytes, quantum_bytes)
        self.round = 1

    def target(self) -> Target:
        if self.store.gone:
            self.store = ChunkedStore(self.size_bytes, self.quantum_bytes)
        return Target(url=f"{TARGET.url}&round={self.round}", headers=TARGET.headers)

    def take(self, request: Request, body: bytes) -> Response:
        if not request.url.endswith(f"&round={self.round}"):
            return Response(status=403)
        return self.chunk(request, body)

    def chunk(self, request: Request, body: bytes) -> Response:
        span = lower(request)["content-range"]
        answer = self.store.put(span, body, declared_bytes=request.body_bytes)
        assert answer[0] < 400 or self.store.gone, answer[2]
        return response(answer)

    def content(self) -> bytes | None:
        return bytes(self.store.held) if self.store.done else None

    def vanish(self) -> None:
        self.store.gone = True

    def expire(self) -> None:
        self.round += 1

    def fall_back(self) -> None:
        if not self.store.done:
            kept = len(self.store.held) // 2 // self.quantum_bytes * self.quantum_bytes
            del self.store.held[kept:]

    def run_ahead(self, content: bytes) -> None:
        more = content[len(self.store.held) :][: self.quantum_bytes * 3]
        if len(self.store.held) + len(more) < len(content):
            self.store.held += more


class GoogleDouble(ChunkedDouble):
    """A signed URL starts the session; only the start is signed, the session is its own secret."""

    def __init__(self, size_bytes: int, quantum_bytes: int = 1) -> None:
        super().__init__(size_bytes, quantum_bytes)
        self.sessions = 0

    def target(self) -> Target:
        url = f"{ORIGIN}/o?X-Goog-Signature=0a&X-Goog-SignedHeaders=host%3Bx-goog-resumable"
        headers = (("Content-Type", "a/b"), ("X-Goog-Resumable", "start"))
        return Target(url=f"{url}&round={self.round}", headers=headers)

    def take(self, request: Request, body: bytes) -> Response:
        if request.method == "POST":
            if not request.url.endswith(f"&round={self.round}"):
                return Response(status=403)
            expected = {"content-type": "a/b", "x-goog-resumable": "start"}
            assert expected == lower(request)
            assert not declared(request)
            self.sessions += 1
            self.store = ChunkedStore(self.size_bytes, self.quantum_bytes)
            return Response(status=201, headers={"location": f"/o?upload_id={self.sessions}"})
        assert {"content-range"} == lower(request).keys()
        if request.url != f"{ORIGIN}/o?upload_id={self.sessions}":
            return Response(status=404)
        return self.chunk(request, body)


@dataclass
class _Tokened:
    """A store whose every request carries a token that can be renewed."""

    size_bytes: int
    keeps_bytes: int = 1
    round: int = 1
    store: TusStore | IetfStore = field(init=False)

    answers: ClassVar[frozenset[int]]
    """What it may answer to what an upload sends."""

    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Content-Type", "a/b"), ("Authorization", f"Bearer {self.round}"))

    def take(self, request: Request, body: bytes) -> Response:
        path = urlsplit(request.url).path
        answer = self.store.take(
            request.method, path, lower(request), body, declared=declared(request)
        )
        assert answer[0] in self.answers, answer
        return response(answer)

    def vanish(self) -> None:
        self.store.uploads.clear()

    def expire(self) -> None:
        self.round += 1
        self.store.token = str(self.round)


@dataclass
class TusDouble(_Tokened):
    protocol: str = TUS
    store: TusStore = field(init=False)

    answers = frozenset({201, 200, 204, 403, 404, 409, 413})

    def __post_init__(self) -> None:
        self.store = TusStore(keeps_bytes=self.keeps_bytes, token="1")  # noqa: S106 - a double's

    def target(self) -> Target:
        return Target(url=f"{ORIGIN}/files", headers=self.headers())

    def content(self) -> bytes | None:
        whole = [u for u in self.store.uploads.values() if u.finished]
        return bytes(whole[-1].held) if whole else None

    def fall_back(self) -> None:
        for upload in self.store.uploads.values():
            if not upload.finished:
                del upload.held[len(upload.held) // 2 :]

    def run_ahead(self, content: bytes) -> None:
        for upload in self.store.uploads.values():
            upload.held += content[len(upload.held) :][:500]
            upload.finished = upload.finished or 0 < len(upload.held) == upload.length


@dataclass
class IetfDouble(_Tokened):
    interop: str = "8"
    limits: dict[str, int] = field(default_factory=dict)
    protocol: str = IETF
    store: IetfStore = field(init=False)

    answers = frozenset({201, 200, 204, 403, 404, 409, 412, 413, 422, 500})

    def __post_init__(self) -> None:
        self.store = IetfStore(
            interop=self.interop,
            keeps_bytes=self.keeps_bytes,
            limits=self.limits,
            token="1",  # noqa: S106 - a double's
        )

    def target(self) -> Target:
        return Target(url=f"{ORIGIN}/files", method="POST", headers=self.headers())

    def content(self) -> bytes | None:
        whole = [u for u in self.store.uploads.values() if u.complete]
        return bytes(whole[-1].held) if whole else None

    def fall_back(self) -> None:
        for upload in self.store.uploads.values():
            if not upload.complete:
                del upload.held[len(upload.held) // 2 :]

    def run_ahead(self, content: bytes) -> None:
        for upload in self.store.uploads.values():
            upload.held += content[len(upload.held) :][:500]


class AzureDouble:
    protocol = AZURE_BLOCKS

    def __init__(self) -> None:
        self.store = AzureStore()
        self.round = 1

    def target(self) -> Target:
        url = f"{ORIGIN}/c/b?sv=2024-11-04&sr=b&sp=cw&sig={self.store.signature}"
        headers = (("Content-Type", "a/b"), ("x-ms-blob-type", "BlockBlob"))
        return Target(url=url, headers=headers)

    def take(self, request: Request, body: bytes) -> Response:
        parts = urlsplit(request.url)
        answer = self.store.take(
            request.method, parts.query, lower(request), body, declared=declared(request)
        )
        refusals = (b"AuthenticationFailed", b"InvalidBlockList")
        cut = len(body) < declared(request)
        assert answer[0] == 201 or cut or any(code in answer[2] for code in refusals), answer
        return response(answer)

    def content(self) -> bytes | None:
        return self.store.blob

    def vanish(self) -> None:
        self.store.uncommitted.clear()

    def expire(self) -> None:
        self.round += 1
        self.store.signature = f"s%2F{self.round}"

    def fall_back(self) -> None:
        if self.store.uncommitted:
            self.store.uncommitted.popitem()

    def run_ahead(self, content: bytes) -> None:
        """Nobody asks."""


class PartsDouble:
    protocol = S3_PARTS

    def __init__(self, part_bytes: int, *, tells: bool = False) -> None:
        self.store = PartsStore(part_bytes, tells=tells, window=2)
        self.round = 1

    def target(self) -> Target:
        if self.store.gone:
            self.store.gone = False
            self.store.parts.clear()
        signature = self.store.document_signature.replace("/", "%2F")
        return Target(url=f"{ORIGIN}/parts?signature={signature}", headers=TARGET.headers)

    def take(self, request: Request, body: bytes) -> Response:
        if request.method == "GET":
            assert request.headers == TARGET.headers
        answer = self.store.take(
            request.method, request.url, lower(request), body, declared=declared(request)
        )
        cut = len(body) < declared(request)
        fine = {200, 403, 404, 410}
        assert answer[0] in fine or cut or b"<Code>InvalidPart</Code>" in answer[2], answer
        return response(answer)

    def content(self) -> bytes | None:
        return self.store.object

    def vanish(self) -> None:
        self.store.gone = self.store.object is None

    def expire(self) -> None:
        self.round += 1
        self.store.expire()
        self.store.document_signature = unquote(f"s%2F{self.round}")

    def fall_back(self) -> None:
        if self.store.parts:
            self.store.parts.popitem()

    def run_ahead(self, content: bytes) -> None:
        size, number = self.store.part_bytes, len(self.store.parts) + 1
        part = content[(number - 1) * size :][:size]
        if part and self.store.object is None:
            etag = hashlib.md5(part, usedforsecurity=False).hexdigest()
            self.store.parts[number] = (f'"{etag}"', part)
