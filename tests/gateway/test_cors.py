"""Pages of other origins on upload URLs."""

import pytest

from tests.gateway.serving import serving

PAGE = "https://app.example.org"
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "10"}

pytestmark = pytest.mark.asyncio


@pytest.fixture
def asked(tmp_path, clock):
    """Ask a gateway that lets `origins` in, as a page of `origin` would."""

    async def ask(origins, origin=PAGE, method="OPTIONS", headers=None, *, path=None):
        folder = tmp_path / "data"
        async with serving(folder, clock, cors_origins=frozenset(origins)) as api:
            _, api.token = await api.device()
            target = await api.target(await api.recording(), b"x" * 10)
            sent = {"Origin": origin, **(headers or {})}
            return await api.call(method, path or target["upload_url"], headers=sent)

    return ask


async def test_a_browser_may_ask_first(asked):
    """The preflight allows what tus-js-client sends."""
    wants = {"Access-Control-Request-Method": "PATCH"}
    answer = await asked([PAGE], headers=wants)
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()

    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert {"tus-resumable", "upload-length", "upload-offset", "upload-metadata"} <= set(
        allowed.split(", ")
    )


async def test_a_page_may_read_what_it_needs(asked):
    """Location and offset are shown to scripts, on the answer itself."""
    answer = await asked([PAGE], method="POST", headers=TUS)
    shown = set(answer.headers["Access-Control-Expose-Headers"].split(", "))

    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert {"Location", "Upload-Offset", "Upload-Length", "Retry-After"} <= shown
    assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_a_page_may_read_why_not(asked):
    """Refusals too: a page that cannot read a 403 would try for ever."""
    answer = await asked([PAGE], method="POST", headers={**TUS, "Upload-Length": "11"})

    assert answer.code == "length_mismatch"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE


async def test_a_star_lets_all_in(asked):
    """Any page; its own origin is named."""
    answer = await asked(["*"], origin="http://anywhere.example")

    assert answer.headers["Access-Control-Allow-Origin"] == "http://anywhere.example"


@pytest.mark.parametrize("origins", [[], [PAGE]])
async def test_other_pages_are_told_nothing(asked, origins):
    """Off by default; and an origin is compared whole."""
    answer = await asked(origins, origin=f"{PAGE}.evil.example")

    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_api_stays_closed_to_pages(asked):
    """Tokens do not belong into browsers."""
    answer = await asked(["*"], method="GET", path="/v1/recordings")

    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
