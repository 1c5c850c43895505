"""A strict double of the Bota API and its object store on loopback, written from its public page.

It refuses what the real ones would refuse: unknown fields, missing tokens, stale URLs (by its own
clock), headers that were not handed out, partial PUTs. `faults` holds per operation what goes wrong
next. With `chunked=True` it speaks our gateway's dialect: resumable sessions behind signed URLs.
"""

import asyncio
import hashlib
import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Self

from aiohttp import web

from tests.fakes.chunked_store import ChunkedStore
from tests.fakes.plain_store import PlainStore

TOKEN = "dtok_test_0123456789"
_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_CREATE_FIELDS = {"name", "started_at", "ended_at", "metadata"}
_BEHALF_FIELDS = {"device_id", "end_user_id"}
_URL_FIELDS = {"type", "content_type", "file_size_bytes", "captured_at"}
_MANY_FIELDS = {"idempotency_key", "sha256"}
_REPORT_FIELDS = {
    "battery_percent": int,
    "storage_used_mb": int,
    "storage_total_mb": int,
    "signal_strength_dbm": int,
    "firmware_version": str,
    "device_name": str,
    "device_state": str,
    "pending_recordings": int,
    "flags": int,
    "connection_type": list,
}
_STATES = {
    "idle", "recording", "syncing", "uploading", "charging", "lowBattery", "storageFull", "error",
}  # fmt: skip
_CONTENT_TYPES = {
    "audio": {"opus", "wav", "mpeg", "mp4", "webm", "ogg", "flac"},
    "image": {"jpeg", "png"},
    "video": {"mp4"},
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What one request meets. `act` does the work first: then only the answer is lost."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    act: bool = False
    after_bytes: int | None = None


HTML = Fault(
    status=200,
    headers={"Content-Type": "text/html"},
    body=b"<!DOCTYPE html><html><body>Welcome to the hotel network</body></html>",
)
LOST_ANSWER = Fault(act=True)
CUT = Fault()


@dataclass
class Media:
    id: str
    recording: str
    fields: dict[str, Any]
    key: str | None
    sha256: str | None
    session: ChunkedStore | None = None


class BotaDouble:
    """`async with BotaDouble() as bota:` serves `bota.base_url`.

    What only our gateway does: `chunked` URLs, one medium per key, and `many` URLs at once; and
    with `chunked` a token that works until its successor was used, results of orders, and codes.
    """

    def __init__(self, *, chunked: bool = False, quantum_bytes: int = 1, many: int = 0) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self.life = timedelta(hours=1)
        self.tokens = {TOKEN}
        self.verify_rounds = 0
        self.echo_digest = True
        self.faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self.requests: list[tuple[str, int]] = []
        self.recordings: dict[str, dict[str, Any]] = {}
        self.media: dict[str, Media] = {}
        self.heartbeats: list[dict[str, Any]] = []
        self.says: deque[dict[str, Any]] = deque()
        """What the next heartbeats are answered beside the status."""
        self.results: dict[str, dict[str, Any]] = {}
        self.store = PlainStore()
        self.cuts_up: deque[int] = deque()
        self._chunked = chunked
        self._quantum_bytes = quantum_bytes
        self._many = many
        self._replays: dict[str, tuple[Any, str]] = {}
        self._successors: dict[str, str] = {}
        self.codes: dict[str, str] = {}
        """One-time codes and their tokens; each is for the first nonce that comes."""
        self._nonces: dict[str, str] = {}
        self._runner: web.AppRunner | None = None
        self.base_url = ""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/v1/recordings", self._create)
        app.router.add_post("/v1/recordings/{id}/upload-url", self._upload_url)
        if self._many:
            app.router.add_post("/v1/recordings/{id}/upload-urls", self._upload_urls)
        app.router.add_post("/v1/recordings/{id}/upload-complete", self._complete)
        app.router.add_post("/v1/devices/me/heartbeat", self._heartbeat)
        app.router.add_post("/v1/devices/me/token/refresh", self._refresh)
        if self._chunked:
            app.router.add_post("/v1/devices/me/commands/{id}/result", self._result)
            app.router.add_post("/v1/enrol", self._enrol)
        app.router.add_put("/s3/{recording}/{media}", self._s3_put)
        app.router.add_put("/v1/uploads/{media}", self._chunk_put)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self.public_port = self.port
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def pass_time(self, seconds: float) -> None:
        """Let the server's clock run."""
        self.now += timedelta(seconds=seconds)

    def delete(self, recording: str) -> None:
        """Delete a recording, as in the cloud's console; its Idempotency-Key is remembered."""
        del self.recordings[recording]

    def bytes_of(self, recording: str, kind: str) -> list[bytes]:
        """Return what is stored, in the order the media were announced."""
        found = [m for m in self.media.values() if m.recording == recording]
        return [self._held(m) or b"" for m in found if m.fields["type"] == kind]

    # The API

    async def _create(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:  # noqa: PLR0911 - a table of refusals
            body = await _json(request)
            relayed = "Bearer dtok_" not in request.headers.get("Authorization", "")
            if set(body) - _CREATE_FIELDS - (_BEHALF_FIELDS if relayed else set()):
                return self._error(400, "invalid_request", "unknown field")
            if relayed and not body.get("end_user_id"):
                return self._error(400, "invalid_request", "end_user_id is required")
            key = request.headers.get("Idempotency-Key", "")
            if not _KEY.fullmatch(key):
                return self._error(400, "invalid_request", "bad Idempotency-Key")
            if key in self._replays:
                known, recording = self._replays[key]
                if known != body:
                    return self._error(422, "idempotency_mismatch", "same key, another body")
                if recording not in self.recordings:
                    return self._error(409, "recording_deleted", "it was deleted")
                replayed = {"Idempotent-Replayed": "true"}
                return self._json(200, self.recordings[recording], replayed)
            recording = f"rec_{len(self._replays) + 1:04d}"
            self._replays[key] = (body, recording)
            self.recordings[recording] = {
                "id": recording,
                "device_id": body.get("device_id", "dev_1"),
                "end_user_id": body.get("end_user_id", "eu_1"),
                "status": "pending",
                "metadata": body.get("metadata", {}),
                "started_at": body.get("started_at"),
                "ended_at": body.get("ended_at"),
                "media": [],
                "a_field_added_later": {"x": 1},
                **({"batch_upload_url": self._many} if self._many else {}),
            }
            return self._json(201, self.recordings[recording])

        return await self._guarded("create", request, act)

    async def _upload_url(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            recording = request.match_info["id"]
            if recording not in self.recordings:
                return self._error(404, "not_found", "no such recording")
            body = await _json(request)
            if not _is_medium(body, _URL_FIELDS):
                return self._error(400, "invalid_request", "bad upload-url body")
            key = request.headers.get("Idempotency-Key")
            declared = request.headers.get("X-Content-SHA256")
            return self._json(200, self._hand_out(recording, body, key, declared))

        return await self._guarded("upload-url", request, act)

    async def _upload_urls(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            recording = request.match_info["id"]
            if recording not in self.recordings:
                return self._error(404, "not_found", "no such recording")
            body = await _json(request)
            media = body.get("media")
            if set(body) != {"media"} or not isinstance(media, list):
                return self._error(400, "invalid_request", "media, and nothing else")
            keys = {medium.get("idempotency_key") for medium in media}
            if (
                not 1 <= len(media) <= self._many
                or len(keys) < len(media)
                or not all(_is_medium(medium, _URL_FIELDS | _MANY_FIELDS) for medium in media)
            ):
                return self._error(400, "invalid_request", "bad upload-urls body")
            handed_out = []
            for medium in media:
                fields = {key: medium[key] for key in medium.keys() & _URL_FIELDS}
                named = medium.get("idempotency_key"), medium.get("sha256")
                handed_out.append(self._hand_out(recording, fields, *named))
            return self._json(200, {"media": handed_out})

        return await self._guarded("upload-urls", request, act)

    def _hand_out(
        self, recording: str, body: Any, key: str | None, declared: str | None
    ) -> dict[str, Any]:
        known = [m for m in self.media.values() if m.key == key and self._chunked]
        medium = known[0] if known else None
        if medium is None:
            name = f"med_{len(self.media) + 1:03d}"
            medium = Media(id=name, recording=recording, fields=body, key=key, sha256=declared)
            if self._chunked:
                medium.session = ChunkedStore(body["file_size_bytes"], self._quantum_bytes)
            self.media[name] = medium
        answer: dict[str, Any] = {
            "media_id": medium.id,
            "expires_at": (self.now + self.life).isoformat().replace("+00:00", "Z"),
            "headers": {"Content-Type": body["content_type"]},
        }
        origin = f"http://127.0.0.1:{self.public_port}"
        if self._chunked:
            until = int((self.now + self.life).timestamp())
            answer["upload_protocol"] = "chunked_put"
            answer["upload_url"] = f"{origin}/v1/uploads/{medium.id}?expires={until}&signature=s"
        else:
            path = f"/s3/{recording}/{medium.id}"
            signed = self.store.presign(path, answer["headers"], self.now, self.life)
            answer["upload_url"] = origin + signed
        return answer

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:  # noqa: PLR0911 - a table of refusals
            recording = self.recordings.get(request.match_info["id"])
            if recording is None:
                return self._error(404, "not_found", "no such recording")
            body = await _json(request)
            if set(body) != {"content_sha256"}:
                return self._error(400, "invalid_request", "the digest, and nothing else")
            media = [m for m in self.media.values() if m.recording == recording["id"]]
            # An announcement that was repeated under one key is one medium, whichever URL was used.
            up = {m.key for m in media if self._held(m) is not None}
            pending = [m.id for m in media if m.key not in up]
            if not media:
                return self._error(409, "no_media_uploaded", "no media")
            if pending:
                return self._error(409, "media_pending", "pending", {"media_ids": pending})
            if self.verify_rounds > 0:
                self.verify_rounds -= 1
                return self._error(425, "too_early", "still verifying")
            digests = {hashlib.sha256(self._held(m) or b"").hexdigest() for m in media}
            if body["content_sha256"] not in digests:
                recording["status"] = "integrity_failure"
                return self._error(409, "digest_mismatch", "another digest")
            recording["status"] = "uploaded"
            if self.echo_digest:
                recording["content_sha256"] = body["content_sha256"]
                recording["content_sha256_verified_at"] = self.now.isoformat()
            return self._json(200, recording)

        return await self._guarded("complete", request, act)

    async def _heartbeat(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            body = await _json(request)
            if not _is_report(body):
                return self._error(400, "invalid_request", "bad heartbeat")
            self.heartbeats.append(body)
            said = self.says.popleft() if self.says else {}
            return self._json(200, {"status": "ok", **said})

        return await self._guarded("heartbeat", request, act)

    async def _refresh(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            token = request.headers["Authorization"].removeprefix("Bearer ")
            name = f"dtok_next_{len(self._successors) + 1}"
            fresh = self._successors.setdefault(token, name)
            self.tokens.add(fresh)
            if not self._chunked:
                self.tokens.discard(token)
            return self._json(200, {"device_token": fresh})

        return await self._guarded("refresh", request, act)

    async def _result(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            body = await _json(request)
            if body.get("status") not in {"executed", "failed"}:
                return self._error(400, "invalid_request", "bad result")
            self.results[request.match_info["id"]] = body
            return self._json(200, {"status": "ok"})

        return await self._guarded("result", request, act)

    async def _enrol(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            body = await _json(request)
            code, nonce = body.get("code"), body.get("enrol_nonce")
            if code not in self.codes or self._nonces.setdefault(code, nonce) != nonce:
                return self._error(403, "code_refused", "the code is not good")
            self.tokens.add(self.codes[code])
            return self._json(200, {"device_id": "dev_1", "device_token": self.codes[code]})

        return await self._guarded("enrol", request, act, token=False)

    # The stores

    async def _s3_put(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            refused = self.store.check(request.raw_path, request.headers, self.now)
            answer = refused or self.store.put(request.path, await request.read())
            return self._answer(*answer)

        return await self._guarded("put", request, act, token=False)

    async def _chunk_put(self, request: web.Request) -> web.StreamResponse:
        async def act() -> web.Response:
            session = self.media[request.match_info["media"]].session
            if session is None or int(request.query["expires"]) <= self.now.timestamp():
                return self._error(403, "url_expired", "this upload URL has expired")
            declared = request.content_length or 0
            body = await self._arriving(request, session)
            span = request.headers.get("Content-Range")
            answer = session.put(span, body, declared_bytes=declared)
            if session.done and session.held and self._wrong(request.match_info["media"]):
                session.held.clear()
                session.done = False
                return self._error(422, "digest_mismatch", "another digest than declared")
            return self._answer(*answer)

        return await self._guarded("put", request, act, token=False)

    async def _arriving(self, request: web.Request, session: ChunkedStore) -> bytes:
        """Read the body as far as it comes; a cut in `cuts_up` ends it after so many bytes."""
        got = bytearray()
        limit = self.cuts_up.popleft() if self.cuts_up and request.content_length else None
        try:
            async for part in request.content.iter_any():
                got += part
                if limit is not None and len(got) >= limit:
                    break
        except (OSError, web.RequestPayloadError):
            limit = len(got)
        if limit is not None:
            span = request.headers.get("Content-Range")
            declared = request.content_length or 0
            session.put(span, bytes(got[:limit]), declared_bytes=declared)
            _abort(request)
            raise asyncio.CancelledError
        return bytes(got)

    def _wrong(self, media: str) -> bool:
        medium = self.media[media]
        held = self._held(medium)
        return (
            medium.sha256 is not None and medium.sha256 != hashlib.sha256(held or b"").hexdigest()
        )

    def _held(self, medium: Media) -> bytes | None:
        if medium.session is not None:
            return bytes(medium.session.held) if medium.session.done else None
        return self.store.objects.get(f"/s3/{medium.recording}/{medium.id}")

    # How any request is met

    async def _guarded(
        self, name: str, request: web.Request, act: Any, *, token: bool = True
    ) -> web.StreamResponse:
        fault = self.faults[name].popleft() if self.faults[name] else None
        if fault is not None and fault.after_bytes is not None:
            await request.content.readexactly(fault.after_bytes)
        if fault is not None and not fault.act:
            await asyncio.sleep(0)
            return self._fail(name, request, fault)
        if token and not self._authorised(request):
            response: web.StreamResponse = self._error(401, "unauthorized", "no such token")
        else:
            response = await act()
        self.requests.append((name, response.status))
        if fault is not None:
            _abort(request)
        return response

    def _fail(self, name: str, request: web.Request, fault: Fault) -> web.StreamResponse:
        self.requests.append((name, fault.status or 0))
        if fault.status is None:
            _abort(request)
        return self._answer(fault.status or 500, fault.headers, fault.body)

    def _authorised(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.tokens:
            return False
        self.tokens -= {old for old, new in self._successors.items() if new == token}
        return True

    def _json(
        self, status: int, body: object, headers: dict[str, str] | None = None
    ) -> web.Response:
        every = {"Content-Type": "application/json", **(headers or {})}
        return self._answer(status, every, json.dumps(body).encode())

    def _error(self, status: int, code: str, message: str, details: object = None) -> web.Response:
        error = {"code": code, "message": message, "request_id": "req_1"}
        if details is not None:
            error["details"] = details  # type: ignore[assignment]  # a map beside sentences
        return self._json(status, {"error": error})

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> web.Response:
        date = format_datetime(self.now, usegmt=True)
        return web.Response(status=status, headers={"Date": date, **headers}, body=body)


def _is_report(body: Any) -> bool:
    return (
        isinstance(body, dict)
        and all(isinstance(body[name], _REPORT_FIELDS.get(name, ())) for name in body)
        and body.get("device_state", "idle") in _STATES
        and len(body.get("firmware_version", "")) <= 32
        and len(body.get("device_name", "")) <= 64
        and 0 <= body.get("flags", 0) <= 255
        and set(body.get("connection_type", ())) <= {"wifi", "4g", "ble"}
    )


def _is_medium(body: Any, fields: set[str]) -> bool:
    kind, _, subtype = str(body.get("content_type", "")).partition("/")
    return (
        not set(body) - fields
        and body.get("type") == kind
        and subtype in _CONTENT_TYPES.get(kind, ())
        and isinstance(body.get("file_size_bytes"), int)
    )


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _json(request: web.Request) -> Any:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    return await request.json()
