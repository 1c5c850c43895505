"""Google Cloud Storage as its pages describe it: signed URLs, sessions, and the JSON API behind.

Signatures are checked with the account's public key, over the request as it came: method, path,
query and signed headers, byte for byte. An `x-goog-` header that was not signed is refused, expiry
is judged by this server's own clock, a precondition and a size range are enforced, and the JSON
API takes its own token alone.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.fakes.chunked_store import QUANTUM_BYTES, ChunkedStore

BUCKET = "recordings"
EMAIL = "gw@project.iam.gserviceaccount.com"
_TOKEN = "ya29.made-up"


@functools.cache
def account_key() -> rsa.RSAPrivateKey:
    """Make the service account's key, once: it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class GoogleBucket:
    """`async with GoogleBucket(folder) as google:` serves `google.origin`."""

    def __init__(self, folder: Path) -> None:
        self.key_file = folder / "google-key.json"
        self.objects: dict[str, tuple[bytes, int]] = {}
        self.asked: list[str] = []
        """What was asked, in one word each: token, api, signed, session."""
        self.bucket = BUCKET
        self.grants = True
        self.origin = ""
        self._ahead = timedelta()
        self._generation = 0
        self._sessions: dict[str, tuple[str, ChunkedStore | None]] = {}
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/token", self._token)
        app.router.add_put("/session/{id}", self._session)
        app.router.add_delete("/session/{id}", self._end_session)
        app.router.add_route("*", "/storage/v1/b/{path:.*}", self._api)
        app.router.add_post("/upload/storage/v1/b/{path:.*}", self._open)
        app.router.add_route("*", "/{path:.*}", self._signed)
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        pem = account_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        about = {
            "type": "service_account",
            "client_email": EMAIL,
            "private_key": pem.decode(),
            "token_uri": f"{self.origin}/token",
        }
        self.key_file.write_text(json.dumps(about))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def pass_time(self, seconds: float) -> None:
        """Let the server's clock run."""
        self._ahead += timedelta(seconds=seconds)

    def contents(self) -> dict[str, bytes]:
        """Give the objects' bytes by their names."""
        return {name: content for name, (content, _) in self.objects.items()}

    def _store(self, name: str, content: bytes) -> None:
        self._generation += 1
        self.objects[name] = (content, self._generation)

    async def _token(self, _request: web.Request) -> web.Response:
        self.asked.append("token")
        if not self.grants:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": _TOKEN, "expires_in": 3600})

    async def _signed(self, request: web.Request) -> web.Response:
        self.asked.append("signed")
        if (refused := self._refused(request)) is not None:
            return refused
        bucket, _, name = unquote(request.raw_path.partition("?")[0]).lstrip("/").partition("/")
        if bucket != self.bucket:
            return _error(404, "NoSuchBucket")
        match request.method, request.headers.get("x-goog-resumable"):
            case "GET", None:
                found = self.objects.get(name)
                return _error(404, "NoSuchKey") if found is None else web.Response(body=found[0])
            case "POST", "start" if request.headers.get("Content-Length") == "0":
                where = self._begun(name)
                return web.Response(status=201, headers={"Location": where})
            case "PUT", None:
                return self._put(name, request.headers, await request.read())
            case _:
                return _error(400, "InvalidArgument")

    def _refused(self, request: web.Request) -> web.Response | None:
        raw, _, signature = request.raw_path.partition("&X-Goog-Signature=")
        path, _, query = raw.partition("?")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        if asked.get("X-Goog-Algorithm") != "GOOG4-RSA-SHA256":
            return _error(403, "AccessDenied")
        sent = {name.lower(): value for name, value in request.headers.items()}
        names = asked["X-Goog-SignedHeaders"]
        listed = names.split(";")
        lines = "".join(f"{name}:{sent.get(name, '')}\n" for name in listed)
        canonical = f"{request.method}\n{path}\n{query}\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
        email, _, scope = asked["X-Goog-Credential"].partition("/")
        stamp, digest = asked["X-Goog-Date"], hashlib.sha256(canonical.encode()).hexdigest()
        told = f"GOOG4-RSA-SHA256\n{stamp}\n{scope}\n{digest}".encode()
        try:
            account_key().public_key().verify(
                bytes.fromhex(signature), told, padding.PKCS1v15(), hashes.SHA256()
            )
        except (InvalidSignature, ValueError):
            return _error(403, "SignatureDoesNotMatch")
        own = {name for name in sent if name.startswith("x-goog-")}
        if email != EMAIL or listed != sorted(listed) or "host" not in listed or own - {*listed}:
            return _error(403, "AccessDenied")
        begun = datetime.strptime(stamp + "+0000", "%Y%m%dT%H%M%SZ%z")
        if datetime.now(UTC) + self._ahead >= begun + timedelta(
            seconds=int(asked["X-Goog-Expires"])
        ):
            return _error(400, "ExpiredToken")
        return None

    def _put(self, name: str, headers: Mapping[str, str], body: bytes) -> web.Response:
        least, _, most = headers.get("x-goog-content-length-range", f"0,{1 << 40}").partition(",")
        if not int(least) <= len(body) <= int(most):
            return _error(400, "EntityTooLarge" if len(body) > int(most) else "EntityTooSmall")
        if headers.get("x-goog-if-generation-match") == "0" and name in self.objects:
            return _error(412, "PreconditionFailed")
        self._store(name, body)
        return web.Response()

    def _begun(self, name: str) -> str:
        number = str(len(self._sessions) + 1)
        self._sessions[number] = (name, None)
        return f"{self.origin}/session/{number}"

    async def _session(self, request: web.Request) -> web.Response:
        self.asked.append("session")
        number = request.match_info["id"]
        if number not in self._sessions:
            return _error(404, "NoSuchUpload")
        name, held = self._sessions[number]
        span = request.headers.get("Content-Range", "")
        if held is None:
            total = span.rpartition("/")[2]
            if total == "*":
                return web.Response(status=308)
            held = ChunkedStore(int(total), quantum_bytes=QUANTUM_BYTES)
            self._sessions[number] = (name, held)
        before, body = held.done, await request.read()
        status, headers, said = held.put(span, body, declared_bytes=len(body))
        if held.done and not before:
            self._store(name, bytes(held.held))
        return web.Response(status=status, headers=headers, body=said)

    async def _end_session(self, request: web.Request) -> web.Response:
        gone = self._sessions.pop(request.match_info["id"], None) is None
        return web.Response(status=404 if gone else 204)

    async def _open(self, request: web.Request) -> web.Response:
        if (refused := self._strange(request)) is not None:
            return refused
        where = self._begun(request.query["name"])
        return web.Response(headers={"Location": where})

    async def _api(self, request: web.Request) -> web.Response:
        if (refused := self._strange(request)) is not None:
            return refused
        name = unquote(request.raw_path.partition("?")[0].partition("/o/")[2])
        if not name:
            return web.json_response({"items": []})
        found = self.objects.get(name)
        if found is None:
            return web.json_response({}, status=404)
        if request.method == "DELETE":
            del self.objects[name]
            return web.Response(status=204)
        if "alt" in request.query:
            return web.Response(body=found[0])
        md5 = hashlib.md5(found[0], usedforsecurity=False).digest()
        about = {"size": str(len(found[0])), "generation": str(found[1])}
        return web.json_response({**about, "md5Hash": base64.b64encode(md5).decode()})

    def _strange(self, request: web.Request) -> web.Response | None:
        self.asked.append("api")
        if request.headers.get("Authorization") != f"Bearer {_TOKEN}":
            return web.json_response({"error": {"code": 401}}, status=401)
        bucket = request.match_info["path"].partition("/")[0]
        if bucket != self.bucket:
            return web.json_response({"error": {"code": 404}}, status=404)
        return None


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>")
