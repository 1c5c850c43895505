"""The gateway's identity at Google: a service account's key, and a token endpoint of ours."""

import asyncio
import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.config_objects import GcsConfig
from gateway.errors import ConfigInvalid, Unavailable
from gateway.objects import ObjectRef, SignedFor
from gateway.objects.gcs import GcsObjects

pytestmark = pytest.mark.asyncio

EMAIL = "gw@project.iam.gserviceaccount.com"
SIGNED = SignedFor(base_url="http://gateway.example/v1", expires=4_000_000_000, life_s=600)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest_asyncio.fixture
async def google(key, tmp_path):
    """A token endpoint that checks nothing but the grant; `status` is what it answers."""
    told = {"status": 200, "asked": 0}

    async def token(request):
        told["asked"] += 1
        (assertion,) = parse_qs(await request.text())["assertion"]
        claims = assertion.split(".")[1]
        told["claims"] = json.loads(base64.urlsafe_b64decode(claims + "=="))
        if told["status"] != 200:
            return web.json_response({"error": "invalid_grant"}, status=told["status"])
        return web.json_response({"access_token": "ya29.made-up", "expires_in": 3600})

    app = web.Application()
    app.router.add_post("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    told["file"] = tmp_path / "key.json"
    told["file"].write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": EMAIL,
                "private_key": pem.decode(),
                "token_uri": f"http://{host}:{port}/token",
            }
        )
    )
    yield told
    await runner.cleanup()


async def test_a_token_is_fetched_once(google):
    """One token serves many requests, asked for with the scope of objects alone."""
    store = GcsObjects(GcsConfig(bucket="bkt", credentials_file=google["file"]))
    bearers = [await store._bearer() for _ in range(3)]

    assert [{"Authorization": "Bearer ya29.made-up"}] * 3 == bearers
    assert 1 == google["asked"]
    assert google["claims"]["scope"].endswith("/auth/devstorage.read_write")


async def test_no_token_is_no_answer(google):
    """An account that was closed makes the store unavailable, not the objects missing."""
    google["status"] = 400
    store = GcsObjects(GcsConfig(bucket="bkt", credentials_file=google["file"]))
    with pytest.raises(Unavailable, match="token"):
        await store._bearer()


async def test_a_token_endpoint_that_breaks_off(google):
    """An answer that ends early is an outage of Google's, not a fault of ours."""

    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = json.loads(google["file"].read_text())
    google["file"].write_text(json.dumps({**account, "token_uri": f"http://127.0.0.1:{port}/"}))
    store = GcsObjects(GcsConfig(bucket="bkt", credentials_file=google["file"]))
    with pytest.raises(Unavailable, match="token"):
        await store._bearer()
    server.close()


async def test_a_download_url_is_signed_by_the_key(google, key):
    """Whoever has the account's public key can check the signature."""
    store = GcsObjects(GcsConfig(bucket="bkt", prefix="p/", credentials_file=google["file"]))
    url = urlsplit(await store.download_url(ObjectRef("rec_1", "med_1"), SIGNED))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}

    assert ("storage.googleapis.com", "/bkt/p/objects/rec_1/med_1") == (url.netloc, url.path)
    assert ("600", "host") == (asked["X-Goog-Expires"], asked["X-Goog-SignedHeaders"])
    assert asked["X-Goog-Credential"].startswith(f"{EMAIL}/")
    query = url.query.partition("&X-Goog-Signature=")[0]
    canonical = f"GET\n{url.path}\n{query}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    digest = hashes.Hash(hashes.SHA256())
    digest.update(canonical.encode())
    scope = asked["X-Goog-Credential"].removeprefix(f"{EMAIL}/")
    message = f"GOOG4-RSA-SHA256\n{asked['X-Goog-Date']}\n{scope}\n{digest.finalize().hex()}"
    # Raises if it does not fit.
    key.public_key().verify(
        bytes.fromhex(asked["X-Goog-Signature"]),
        message.encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )


async def test_a_key_that_is_none(tmp_path):
    """What is not a service account's key is an error of the configuration."""
    (tmp_path / "key.json").write_text("{}")
    with pytest.raises(ConfigInvalid, match="no credentials"):
        GcsObjects(GcsConfig(bucket="bkt", credentials_file=tmp_path / "key.json"))
