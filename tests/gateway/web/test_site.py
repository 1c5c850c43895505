"""The pages' files: what is served, as what, and what browsers are told to obey."""

from pathlib import Path

import pytest
import pytest_asyncio

from gateway.config import GatewayConfig
from gateway.config_objects import GcsConfig, S3Config
from gateway.web.site import policy, read_site
from tests.gateway.serving import serving

CONFIG = GatewayConfig(data=Path("/nowhere"), secret=b"s" * 32)


@pytest_asyncio.fixture
async def anybody(tmp_path, clock):
    """The gateway as a browser that nobody signed in with meets it."""
    async with serving(tmp_path / "data", clock) as api:
        yield api


@pytest.fixture
def folder(tmp_path):
    for name in ("console/index.html", "console/deep/a.js", "phone/index.html", "phone/worker.js"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def tag_of(answer):
    return {name.lower(): value for name, value in answer.headers.items()}["etag"]


def test_what_is_there_at_start_is_served(folder):
    """Each file at its path, the two front pages also where people type them."""
    assert [
        "/",
        "/console",
        "/console/",
        "/console/deep/a.js",
        "/console/index.html",
        "/phone",
        "/phone/",
        "/phone/index.html",
        "/phone/worker.js",
    ] == sorted(read_site(CONFIG, folder))


def test_what_is_no_page_is_not_served(folder):
    """Notes and whatever else lies beside the files."""
    (folder / "console" / "README.md").write_text("notes")
    (folder / "console" / "secret").write_text("notes")
    (folder / "index.html").write_text("outside")
    found = read_site(CONFIG, folder)

    assert not [path for path in found if "README" in path or "secret" in path]
    assert b"console/index.html" == found["/"].content


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.png", "image/png"),
        ("a.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.html", "text/html; charset=utf-8"),
    ],
)
def test_each_file_has_its_type(folder, name, means):
    """Browsers are forbidden to guess, so it must be said right."""
    (folder / "phone" / name).write_bytes(b"x")

    assert means == read_site(CONFIG, folder)[f"/phone/{name}"].headers["Content-Type"]


def test_the_phones_worker_may_watch_over_its_page(folder):
    """The page is at /phone, its files are below: without this header it would be out of reach."""
    site = read_site(CONFIG, folder)

    assert "/phone" == site["/phone/worker.js"].headers["Service-Worker-Allowed"]
    assert "Service-Worker-Allowed" not in site["/console/deep/a.js"].headers


def test_bluetooth_is_the_phones_alone(folder):
    """And neither page may use a camera or a microphone."""
    site = read_site(CONFIG, folder)
    console, phone = (site[path].headers["Permissions-Policy"] for path in ("/", "/phone"))

    assert ("bluetooth=()" in console, "bluetooth=(self)" in phone) == (True, True)
    assert "screen-wake-lock=(self)" in phone
    assert all("camera=(), " in each and "microphone=()" in each for each in (console, phone))


@pytest.mark.parametrize(
    ("more", "origin"),
    [
        ({}, ""),
        ({"public_url": "https://gw.example.org/fieldpost"}, " https://gw.example.org"),
        (
            {"objects": S3Config(bucket="b", endpoint="https://s3.example.org:9000/x")},
            " https://s3.example.org:9000",
        ),
        (
            {"objects": S3Config(bucket="b", region="eu-central-1")},
            " https://b.s3.eu-central-1.amazonaws.com",
        ),
        ({"objects": GcsConfig(bucket="b")}, " https://storage.googleapis.com"),
        (
            {"objects": GcsConfig(bucket="b", emulator="http://127.0.0.1:9023")},
            " http://127.0.0.1:9023",
        ),
    ],
)
def test_media_may_come_from_where_they_are_kept(more, origin):
    """Nothing else may be loaded from elsewhere, and nothing inline is run."""
    told = policy(GatewayConfig(data=Path("/nowhere"), secret=b"s" * 32, **more)).split("; ")

    assert f"media-src 'self'{origin}" in told
    assert f"img-src 'self'{origin} blob: data:" in told
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(told)
    assert {"frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"} <= set(told)


@pytest.mark.asyncio
async def test_pages_are_for_anybody(anybody):
    """Signing in happens on them; they say what browsers are to obey."""
    for path in ("/", "/console", "/console/", "/console/main.js", "/phone"):
        got = await anybody.call("GET", path)

        assert (200, "nosniff", "no-referrer", "same-origin", "no-cache") == (
            got.status,
            got.headers["X-Content-Type-Options"],
            got.headers["Referrer-Policy"],
            got.headers["Cross-Origin-Opener-Policy"],
            got.headers["Cache-Control"],
        )
        assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; ")


@pytest.mark.asyncio
async def test_a_browser_that_has_a_file_is_told_so(anybody):
    """By its tag; another tag gets the file."""
    first = await anybody.call("GET", "/console/main.js")
    tag = tag_of(first)
    again = await anybody.call("GET", "/console/main.js", headers={"If-None-Match": tag})
    weak = await anybody.call("GET", "/console/main.js", headers={"If-None-Match": f"W/{tag}"})
    other = await anybody.call("GET", "/console/main.js", headers={"If-None-Match": '"other"'})

    assert [200, 304, 304, 200] == [each.status for each in (first, again, weak, other)]
    assert (b"", tag) == (again.body, tag_of(again))


@pytest.mark.asyncio
async def test_head_says_what_get_would(anybody):
    """Without the file itself."""
    head = await anybody.call("HEAD", "/phone")
    whole = await anybody.call("GET", "/phone")

    assert (200, b"", str(len(whole.body))) == (
        head.status,
        head.body,
        head.headers["Content-Length"],
    )


@pytest.mark.asyncio
async def test_paths_play_no_tricks(anybody):
    """What is not in the list is not there."""
    tricks = ("../site.py", "%2e%2e/site.py", "/index.html", "nothing")
    got = [await anybody.call("GET", f"/console/{each}") for each in tricks]

    assert [(404, "not_found")] * 4 == [(each.status, each.code) for each in got]
