"""The page's modules in Chromium: frames as both sides write them, and words for every failure."""

import re
from pathlib import Path

import pytest
import pytest_asyncio

import gateway
from tests.browser.phone_desk import desk_open, phone_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOLDER = Path(gateway.__file__).parent
STATIC = FOLDER / "web/static/phone"
_ROW = re.compile(r"\| (phone|gateway) \| `([0-9a-f ]+)` \| (\w+)\((.*)\) \|")
KINDS = {
    "READ": "read",
    "WRITE": "write",
    "SEND": "write-without-response",
    "SUBSCRIBE": "subscribe",
}


def vectors(side: str) -> list[tuple[str, str, dict[str, str]]]:
    """Return the binary vectors of TUNNEL.md §8: the frame in hex, what it is, and its fields."""
    found = []
    for line in (FOLDER / "phone/TUNNEL.md").read_text().splitlines():
        if (match := _ROW.fullmatch(line)) and match[1] == side:
            fields = dict(re.findall(r"(\w+)=(b'[^']*'|[\w.]+)", match[4]))
            found.append((match[2].replace(" ", ""), match[3], fields))
    return found


def content(literal: str) -> list[int]:
    """Read a Python bytes literal."""
    inner = literal[2:-1].encode().decode("unicode_escape")
    return list(inner.encode("latin-1"))


@pytest_asyncio.fixture(loop_scope="session")
async def modules(chromium, trouble):
    """A page that can load the modules, which knows nobody."""
    trouble.expect("status of 401")
    async with desk_open() as desk, phone_page(chromium, desk.url, trouble) as page:
        desk.name = None
        await page.goto("/phone")
        yield page


async def test_calls_are_read_as_the_specification_says(modules):
    """The gateway's vectors mean the same in the page."""
    frames = vectors("gateway")
    read = await modules.evaluate(
        """async (frames) => {
          const { decodeCall } = await import('/phone/codec.js');
          return frames.map((frame) => {
            const call = decodeCall(Uint8Array.from(frame).buffer);
            return { ...call, value: [...call.value] };
          });
        }""",
        [list(bytes.fromhex(frame)) for frame, _, _ in frames],
    )

    assert len(frames) >= 4
    assert read == [
        {
            "call": KINDS[fields["kind"].removeprefix("Kind.")],
            "channel": int(fields["channel"]),
            "number": int(fields["call"]),
            "characteristic": int(fields["characteristic"]),
            "value": content(fields["value"]),
        }
        for _, _, fields in frames
    ]


async def test_answers_are_written_as_the_specification_says(modules):
    """The phone's vectors come out of the page byte by byte."""
    frames = vectors("phone")
    written = await modules.evaluate(
        """async (answers) => {
          const codec = await import('/phone/codec.js');
          return answers.map(([name, channel, second, value]) =>
            [...codec[name](channel, second, Uint8Array.from(value))]);
        }""",
        [
            [
                {"Succeeded": "encodeAnswer", "Notified": "encodeNotification"}[kind],
                int(fields["channel"]),
                int(fields["call" if kind == "Succeeded" else "characteristic"]),
                content(fields["value"]),
            ]
            for _, kind, fields in frames
        ],
    )

    assert len(frames) >= 3
    assert [bytes(each).hex() for each in written] == [frame for frame, _, _ in frames]


async def test_what_is_no_call_is_refused(modules):
    """A frame cut short, of another kind, or a read that says something is not done by halves."""
    frames = [
        "",
        "01",
        "01000300000001",
        "81000300000007ff",
        "0500030000000100",
        "010003000000010001",
    ]
    refused = await modules.evaluate(
        """async (frames) => {
          const { decodeCall } = await import('/phone/codec.js');
          return frames.map((frame) => {
            try { decodeCall(Uint8Array.from(frame).buffer); } catch (error) { return error.name; }
          });
        }""",
        [list(bytes.fromhex(frame)) for frame in frames],
    )

    assert refused == ["RangeError"] * len(frames)


ERRORS = {
    ("NotFoundError", "User cancelled the requestDevice() chooser."): "No recorder was chosen",
    ("NotFoundError", "Bluetooth adapter not available."): "Bluetooth is off",
    ("NotFoundError", "Web Bluetooth API globally disabled."): "The browser may not use Bluetooth",
    (
        "NotFoundError",
        "User denied the browser permission to scan for Bluetooth devices.",
    ): "The browser may not use Bluetooth",
    ("NotFoundError", "No Services found in device."): "This device is no recorder",
    ("NotAllowedError", "denied"): "The browser may not use Bluetooth",
    ("SecurityError", "Must be handling a user gesture"): "The browser may not use Bluetooth",
    (
        "NotSupportedError",
        "Bluetooth Low Energy not available.",
    ): "This browser cannot use Bluetooth",
    ("NetworkError", "Connection attempt failed."): "The recorder does not answer",
    ("NetworkError", "Bluetooth Device is no longer in range."): "The recorder does not answer",
    ("NetworkError", "Authentication canceled."): "The recorder wants to be paired with this phone",
    ("NetworkError", "GATT operation not authorized."): (
        "The recorder wants to be paired with this phone"
    ),
    ("TimeoutError", "no answer in time"): "The recorder does not answer",
    ("NotARecorder", ""): "This device is no recorder",
    ("DataCloneError", "what"): "Something unexpected happened",
}


async def test_every_failure_of_bluetooth_has_words_and_what_to_do(modules):
    """Whatever a browser calls it, the person reads what is wrong and what helps."""
    said = await modules.evaluate(
        """async (errors) => {
          const { ofError } = await import('/phone/troubles.js');
          return errors.map(([name, message]) => ofError({ name, message }));
        }""",
        [list(each) for each in ERRORS],
    )

    assert [each["what"] for each in said] == [*ERRORS.values()]
    assert all(each["todo"] for each in said)


async def test_instants_are_told_in_the_phones_time(modules):
    """The gateway says UTC, the label on the phone what the clock on the wall said."""
    told = await modules.evaluate(
        """async () => {
          const { local } = await import('/phone/words.js');
          const at = new Date('2026-03-01T12:00Z');
          const here = at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
          return [local('Round 2026-03-01 12:00 UTC') === `Round ${here}`, local('Round 7')];
        }"""
    )

    assert told == [True, "Round 7"]


async def test_the_page_is_kept_whole_for_when_there_is_no_network():
    """Every file of the page stands in the service worker's list, and nothing else."""
    listed = set(re.findall(r"'([\w.-]+\.\w+)'", (STATIC / "sw.js").read_text()))
    served = {path.name for path in STATIC.iterdir()}

    assert listed == served - {"sw.js", "index.html"}


class TestInstalled:
    """The page as an app on the home screen."""

    async def test_it_can_be_installed(self, chromium, trouble):
        """The browser finds nothing missing in the manifest, the icons and the worker."""
        async with (
            desk_open() as desk,
            phone_page(chromium, desk.url, trouble, service_workers="allow") as page,
        ):
            await page.goto("/phone")
            await page.evaluate("navigator.serviceWorker.ready")
            cdp = await page.context.new_cdp_session(page)
            errors = await cdp.send("Page.getInstallabilityErrors")
            manifest = await cdp.send("Page.getAppManifest")

        assert [each["errorId"] for each in errors["installabilityErrors"]] in (
            [],
            ["in-incognito"],
        )
        assert manifest["errors"] == []
        assert manifest["url"] == f"{desk.url}/phone/manifest.webmanifest"

    async def test_it_opens_without_a_network_and_keeps_no_answers(self, chromium, trouble):
        """The shell comes from the worker; who the phone is does not."""
        trouble.expect("ERR_INTERNET_DISCONNECTED|WebSocket|Failed to fetch")
        async with (
            desk_open() as desk,
            phone_page(chromium, desk.url, trouble, service_workers="allow") as page,
        ):
            await page.goto("/phone")
            await page.evaluate("navigator.serviceWorker.ready")
            await page.context.set_offline(True)
            await page.goto("/phone")
            await page.get_by_text("The gateway cannot be reached").wait_for()
            kept = await page.evaluate(
                """async () => (await (await caches.open('fieldpost-phone')).keys())
                  .map(({ url }) => new URL(url).pathname)"""
            )
            await page.context.set_offline(False)
            await page.get_by_text("Connected").wait_for()

        assert set(kept) == {
            "/phone",
            *(
                f"/phone/{path.name}"
                for path in STATIC.iterdir()
                if path.stem not in {"sw", "index"}
            ),
        }

    async def test_a_new_release_is_shown_at_once(self, chromium, trouble):
        """What the gateway serves wins over what the worker kept, and is what is kept then."""
        trouble.expect("ERR_INTERNET_DISCONNECTED|WebSocket|Failed to fetch")
        async with (
            desk_open() as desk,
            phone_page(chromium, desk.url, trouble, service_workers="allow") as page,
        ):
            await page.goto("/phone")
            await page.evaluate("navigator.serviceWorker.ready")
            desk.replaced["/phone/words.js"] = (
                (STATIC / "words.js").read_text().replace("No recorder yet", "A new release")
            )
            await page.goto("/phone")
            await page.get_by_text("A new release").wait_for()
            await page.context.set_offline(True)
            await page.goto("/phone")
            await page.get_by_text("The gateway cannot be reached").wait_for()
            told = await page.locator("#empty h2").text_content()

        assert told == "A new release"
