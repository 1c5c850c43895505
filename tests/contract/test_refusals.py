"""How requests are refused: the status, and one shape for all."""

import pytest

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("asked", "token", "refusal"),
    [
        ("GET /v1/recordings", "", (401, "unauthorized")),
        ("GET /v1/recordings", "dtok_unknown", (401, "unauthorized")),
        ("GET /v1/recordings", "sk_live_unknown", (401, "unauthorized")),
        ("POST /v1/devices", None, (403, "forbidden")),
        ("GET /v1/recordings/rec_none", None, (404, "not_found")),
        ("GET /v1/devices/dev_none", None, (404, "not_found")),
        ("GET /v1/nothing", None, (404, "not_found")),
        ("PATCH /v1/recordings", None, (405, "method_not_allowed")),
    ],
)
async def test_a_refusal_is_a_problem(client, asked, token, refusal):
    """RFC 9457 and Bota's shape in one body."""
    refused = await client.call(*asked.split(), token=token)

    assert refusal == (refused.status, refused.code)


async def test_401_names_the_scheme(client):
    """Without a credential the answer says which kind is wanted."""
    refused = await client.call("GET", "/v1/recordings", token="")

    assert "Bearer" == refused.headers["WWW-Authenticate"].partition(" ")[0]


async def test_405_names_the_methods(client):
    """A wrong method is told the right ones."""
    refused = await client.call("PATCH", "/v1/recordings")

    assert {"GET", "POST"} <= set(refused.headers["Allow"].replace(",", " ").split())


BODIES = {
    "cut": b"{",
    "list": b"[]",
    "text": b'"text"',
    "kind": b'{"name": 1}',
    "utf-8": b'{"name": "\xff"}',
    "half": b'{"name": "\\ud800"}',
    "nul": b'{"name": "a\\u0000b"}',
    "nul-within": b'{"metadata": {"a": "\\u0000"}}',
    "nul-name": b'{"metadata": {"\\u0000": 1}}',
    "infinite": b'{"metadata": {"a": 1e999}}',
    "long-number": b'{"metadata": {"a": ' + b"9" * 5000 + b"}}",
    "deep": b'{"metadata": ' + b'{"a":' * 100 + b"1" + b"}" * 101,
    "local-time": b'{"started_at": "2026-03-01T12:00:00"}',
    "far-time": b'{"started_at": "9999-12-31T23:59:59-23:59"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_that_cannot_be_kept_is_refused(client, body):
    """Broken JSON, wrong kinds, NUL, half characters, endless numbers and depth: 400."""
    refused = await client.call(
        "POST", "/v1/recordings", body, headers={"Content-Type": "application/json"}
    )

    assert (400, "invalid_request") == (refused.status, refused.code)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/recordings/a%00b",
        "/v1/recordings/%ff",
        "/v1/devices/a%00b",
        "/v1/recordings/" + "a" * 5000,
    ],
    ids=["nul", "utf-8", "nul-device", "long"],
)
async def test_a_name_that_nothing_can_have_is_not_found(client, path):
    """NUL, no text at all, or endless: there is no such thing."""
    refused = await client.call("GET", path, token=client.site.key)

    assert (404, "not_found") == (refused.status, refused.code)


async def test_a_filter_with_nul_finds_nothing(client):
    """A query that no row can match is no fault of the gateway's."""
    found = await client.call("GET", "/v1/recordings?device_id=a%00b", token=client.site.key)

    assert found.status in {200, 400}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit="])
async def test_a_page_out_of_bounds_is_refused(client, query):
    """The query of a list is checked."""
    refused = await client.call("GET", f"/v1/recordings?{query}")

    assert (400, "invalid_request") == (refused.status, refused.code)


async def test_a_body_without_end_is_refused(client):
    """What is larger than any request needs is 413."""
    refused = await client.call("POST", "/v1/recordings", {"name": "a" * 200_000})

    assert (413, "body_too_large") == (refused.status, refused.code)


async def test_the_gateway_says_what_it_is(client):
    """Anybody may ask whether it lives, whether it is ready, and what its API is."""
    alive, ready, version, api = [
        await client.call("GET", path, token="")
        for path in ("/livez", "/readyz", "/version", "/openapi.json")
    ]

    assert [200] * 4 == [each.status for each in (alive, ready, version, api)], ready
    assert "v1" == version.json["api"]
    assert "/v1/recordings" in api.json["paths"]
