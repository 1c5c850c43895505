"""Sign-in to the console: who is let in, what a cookie opens, and every guard around it."""

from http.cookies import SimpleCookie

import pytest
import pytest_asyncio

from gateway.core.guesses import OVERALL, PER_ADDRESS
from gateway.core.sessions import COOKIE, LIFE, SLIDE_EVERY
from gateway.model import Scope
from tests.gateway.serving import serving

pytestmark = pytest.mark.asyncio


class Browser:
    """A browser at the gateway's own pages."""

    def __init__(self, api, url=None):
        self.api = api
        self.origin = url or api.url
        self.cookie = None
        self.csrf = None

    async def sign_in(self, key, **headers):
        got = await self.call("POST", "/console/session", {"key": key}, **headers)
        if got.status == 200:
            self.csrf = got.json["csrf"]
        return got

    async def call(self, method, path, json=None, **headers):
        sent = {} if method in {"GET", "HEAD"} else {"Origin": self.origin}
        if self.cookie:
            sent["Cookie"] = f"{COOKIE}={self.cookie}"
        if self.csrf and method not in {"GET", "HEAD"}:
            sent["X-CSRF-Token"] = self.csrf
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        got = await self.api.call(method, path, json, token="", headers=sent)
        if "Set-Cookie" in got.headers:
            self.cookie = SimpleCookie(got.headers["Set-Cookie"])[COOKIE].value or None
        return got


@pytest_asyncio.fixture
async def api(tmp_path, clock):
    async with serving(tmp_path / "data", clock) as api:
        yield api


@pytest_asyncio.fixture
async def key(api):
    return await api.api_key()


@pytest_asyncio.fixture
async def browser(api, key):
    """Somebody signed in."""
    browser = Browser(api)
    await browser.sign_in(key)
    return browser


async def test_a_key_with_admin_signs_in(api, key):
    """The answer says who it is, and what changes must bring along."""
    browser = Browser(api)
    got = await browser.sign_in(key)
    asked = await browser.call("GET", "/console/session")

    assert (200, "test", sorted(Scope)) == (got.status, got.json["name"], got.json["scopes"])
    assert got.json == asked.json
    assert [] == [text for text in (key, browser.cookie) if text in got.body.decode()]


async def test_the_cookie_is_out_of_reach(api, key):
    """Of scripts, and of requests that other sites make; Secure where the browser came by TLS."""
    plain = await Browser(api).sign_in(key)
    tls = await Browser(api, api.url.replace("http:", "https:")).sign_in(key)
    flags = [
        {each.strip() for each in got.headers["Set-Cookie"].split(";")[1:]} for got in (plain, tls)
    ]

    assert {"HttpOnly", "Path=/", "SameSite=Strict"} == flags[0]
    assert {"Secure"} == flags[1] - flags[0]


async def test_who_is_not_signed_in_is_told_so(api):
    """By 401, which sends a page to its sign-in."""
    got = await Browser(api).call("GET", "/console/session")

    assert (401, "unauthorized") == (got.status, got.code)


async def test_a_wrong_key_signs_nobody_in(api):
    """No cookie, and the same status for whatever is wrong with it."""
    wrong = ("sk_live_unknown", "dtok_x", "", "sk_ü", "rk_")
    got = [await Browser(api).sign_in(text) for text in wrong]

    assert [(401, False)] * 5 == [(each.status, "Set-Cookie" in each.headers) for each in got]


async def test_a_revoked_key_signs_nobody_in(api, key, clock):
    """It is as good as none."""
    await api.gateway.store.keys.revoke("key_0", clock.now())

    assert 401 == (await Browser(api).sign_in(key)).status


async def test_a_key_without_admin_is_refused(api):
    """The console is more than what such a key may do."""
    got = await Browser(api).sign_in(await api.api_key(Scope.RECORDINGS_READ))

    assert (403, "forbidden", False) == (got.status, got.code, "Set-Cookie" in got.headers)


async def test_guesses_are_limited(api, clock):
    """After so many wrong keys others are not answered for a while."""
    wrong = [await Browser(api).sign_in("sk_live_x") for _ in range(PER_ADDRESS + 1)]
    clock.advance(int(wrong[-1].headers["Retry-After"]))

    assert [401] * PER_ADDRESS + [429] == [each.status for each in wrong]
    assert "too_many_guesses" == wrong[-1].code
    assert 401 == (await Browser(api).sign_in("sk_live_x")).status


async def test_strangers_who_guess_keep_nobody_out(api, key):
    """A good key does not wait for them, nor does it count."""
    wrong = [
        await Browser(api).sign_in("sk_live_x", X_Forwarded_For=f"203.0.113.{number}")
        for number in range(OVERALL + 1)
    ]
    good = [(await Browser(api).sign_in(key)).status for _ in range(2)]

    assert (401, 429) == (wrong[-2].status, wrong[-1].status)
    assert [200, 200] == good


async def test_another_site_signs_nobody_in(api, key):
    """Or it could make somebody work under somebody else's name."""
    origins = ("https://evil.example", "null", None)
    got = [await Browser(api).sign_in(key, Origin=origin) for origin in origins]

    assert [(403, False)] * 3 == [(each.status, "Set-Cookie" in each.headers) for each in got]


async def test_a_cookie_counts_as_its_key(browser):
    """It reads and changes what the key may."""
    read = await browser.call("GET", "/v1/fleet")
    made = await browser.call("POST", "/v1/devices", {"serial_number": "AM-99"})

    assert [200, 201] == [read.status, made.status]


STRANGERS = (
    {"X_CSRF_Token": None},
    {"X_CSRF_Token": ""},
    {"X_CSRF_Token": "wrong"},
    {"X_CSRF_Token": "ü"},
    {"Origin": None},
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/devices"), ("DELETE", "/v1/keys/key_0"), ("DELETE", "/console/session")],
)
async def test_a_change_needs_the_page(browser, api, method, path):
    """A cookie that comes by itself changes nothing: the token and the origin must be right."""
    body = {"serial_number": "AM-99"} if method == "POST" else None
    got = [await browser.call(method, path, body, **headers) for headers in STRANGERS]

    assert [(403, "forbidden")] * len(STRANGERS) == [(each.status, each.code) for each in got]
    assert [] == await api.gateway.store.devices.all()
    assert 200 == (await browser.call("GET", "/console/session")).status


async def test_another_sessions_token_does_not_fit(browser, api, key):
    """Each session has its own."""
    other = Browser(api)
    await other.sign_in(key)
    got = await browser.call("POST", "/v1/devices", {"serial_number": "A"}, X_CSRF_Token=other.csrf)

    assert 403 == got.status


async def test_a_credential_wins_over_the_cookie(browser, api):
    """A program that sends both is the program; it needs no token of a page."""
    reader = await api.api_key(Scope.RECORDINGS_READ)
    got = await browser.call("GET", "/v1/fleet", Authorization=f"Bearer {reader}")
    bad = await browser.call("GET", "/v1/fleet", Authorization="Bearer sk_live_x")

    assert [403, 401] == [got.status, bad.status]


async def test_a_cookie_is_no_device(browser):
    """What only a device may do, nobody signed in may."""
    got = await browser.call("POST", "/v1/devices/me/token/refresh")

    assert 403 == got.status


async def test_signing_out_ends_the_session(browser):
    """The cookie is taken back, and opens nothing for whoever kept it."""
    kept = browser.cookie
    got = await browser.call("DELETE", "/console/session")
    gone = browser.cookie
    browser.cookie = kept

    assert (204, None) == (got.status, gone)
    assert 401 == (await browser.call("GET", "/v1/fleet")).status


async def test_signing_in_again_ends_the_session_before(browser, key):
    """Nothing is left behind by a change of keys."""
    before = browser.cookie
    await browser.sign_in(key)
    after, browser.cookie = browser.cookie, before

    assert 401 == (await browser.call("GET", "/v1/fleet")).status
    assert after != before


async def test_a_session_that_is_not_used_ends(browser, clock):
    """After twelve hours."""
    clock.advance(LIFE.total_seconds() - 1)
    last = await browser.call("GET", "/console/session")
    clock.advance(LIFE.total_seconds())

    assert [200, 401] == [last.status, (await browser.call("GET", "/console/session")).status]


async def test_a_session_that_is_used_goes_on(browser, clock):
    """Each use counts from itself."""
    for _ in range(5):
        clock.advance(LIFE.total_seconds() * 0.6)
        assert 200 == (await browser.call("GET", "/console/session")).status


async def test_a_page_that_is_left_open_is_no_use(browser, clock):
    """Its stream comes back by itself for ever, and nobody need sit there."""
    for _ in range(2):
        clock.advance(LIFE.total_seconds() * 0.6)
        waits = await browser.call("GET", "/console/session", Accept="text/event-stream")

    assert 401 == waits.status


async def test_not_every_request_writes(browser, api, clock):
    """A session is prolonged every few minutes."""
    clock.advance(SLIDE_EVERY.total_seconds() - 1)
    await browser.call("GET", "/v1/fleet")
    before = await seen_at(api, browser, clock)
    clock.advance(1)
    await browser.call("GET", "/v1/fleet")
    after = await seen_at(api, browser, clock)

    assert SLIDE_EVERY == after - before


async def seen_at(api, browser, clock):
    from gateway.core.tokens import credential_hash  # noqa: PLC0415 - near its one use

    found = await api.gateway.store.sessions.session(credential_hash(browser.cookie), clock.now())
    return found.seen_at


async def test_a_revoked_key_ends_its_sessions(browser, api, clock):
    """At once, also where another process revoked it."""
    await api.gateway.store.keys.revoke("key_0", clock.now())

    assert 401 == (await browser.call("GET", "/v1/fleet")).status


async def test_neither_cookie_nor_token_is_kept(browser, tmp_path):
    """The database holds a hash."""
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("gateway.db*"))

    assert [False, False] == [text.encode() in kept for text in (browser.cookie, browser.csrf)]


async def test_a_qr_code_is_drawn(browser):
    """For pages of somebody signed in; no cache keeps it."""
    got = await browser.call("POST", "/console/qr", {"text": "https://gw.example.org/phone#A-B"})
    nobody = await Browser(browser.api).call("POST", "/console/qr", {"text": "x"})

    assert (200, "image/svg+xml", "no-store") == (
        got.status,
        got.headers["Content-Type"],
        got.headers["Cache-Control"],
    )
    assert got.body.startswith(b"<svg")
    assert 401 == nobody.status


async def test_what_fits_no_qr_code_is_refused(browser):
    """Nothing, and more than a phone would read from a screen."""
    texts = ("", "x" * 1025, "ü" * 513)
    got = [await browser.call("POST", "/console/qr", {"text": text}) for text in texts]

    assert [(400, "text")] * 3 == [
        (each.status, each.json["error"]["details"]["field"]) for each in got
    ]
