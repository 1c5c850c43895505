"""tus and IETF's resumable uploads on the upload URL, request by request."""

import asyncio
import base64
from urllib.parse import urljoin

import pytest

from tests.gateway.raw_put import RawPut
from tests.gateway.serving import digest, serving

AUDIO = bytes(range(256)) * 1024
TOTAL = len(AUDIO)
PARTIAL = "application/partial-upload"
IANA = "https://iana.org/assignments/http-problem-types#"

pytestmark = pytest.mark.asyncio


def repr_digest(content):
    return f"sha-256=:{base64.b64encode(bytes.fromhex(digest(content))).decode()}:"


class Tus:
    """Speaks tus as its page says."""

    name = "tus"

    def __init__(self, api):
        self.api = api

    def call(self, method, url, body=None, **more):
        fields = {name.replace("_", "-"): str(value) for name, value in more.items()}
        headers = {"Tus-Resumable": "1.0.0", **fields}
        return self.api.call(method, url, body=body, headers=headers)

    def create(self, url, length=TOTAL, body=None, **more):
        return self.call("POST", url, body, Upload_Length=length, **more)

    def append(self, url, content, first, total=TOTAL, **more):
        fields = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": first}
        return self.call("PATCH", url, content, **{**fields, **more})

    async def held(self, url):
        return int((await self.call("HEAD", url)).headers["Upload-Offset"])

    done = 204


class Ietf(Tus):
    """Speaks the draft; interop 8 unless told otherwise."""

    name = "ietf"

    def call(self, method, url, body=None, **more):
        fields = {name.replace("_", "-"): str(value) for name, value in more.items()}
        headers = {"Upload-Draft-Interop-Version": "8", **fields}
        return self.api.call(method, url, body=body, headers=headers)

    def create(self, url, length=TOTAL, body=None, **more):
        fields = {"Upload_Length": length, "Upload_Complete": "?0", "Content_Type": "audio/ogg"}
        return self.call("POST", url, body, **{**fields, **more})

    def append(self, url, content, first, total=TOTAL, **more):
        last = "?1" if first + len(content) == total else "?0"
        fields = {"Content_Type": PARTIAL, "Upload_Offset": first, "Upload_Complete": last}
        return self.call("PATCH", url, content, **{**fields, **more})

    done = 200


@pytest.fixture(params=[Tus, Ietf], ids=["tus", "ietf"])
def client(request, api):
    return request.param(api)


@pytest.fixture
def tus(api):
    return Tus(api)


@pytest.fixture
def ietf(api):
    return Ietf(api)


@pytest.fixture
def url(api):
    async def make(content=AUDIO, **more):
        return (await api.target(await api.recording(), content, **more))["upload_url"]

    return make


@pytest.fixture
def unsized(api):
    """An upload whose size nobody has said."""

    async def make():
        path = f"/v1/recordings/{await api.recording()}/upload-url"
        return (await api.call("POST", path, {"type": "audio"})).json["upload_url"]

    return make


async def whole(api, url):
    """Say what the gateway stored, in its own words."""
    return (await api.ask(url, TOTAL)).json["content_sha256"]


async def test_creation_names_the_url_itself(client, url):
    """The upload resource is the URL that was handed out."""
    where = await url()
    made = await client.create(where)

    assert made.status == 201
    assert where == urljoin(where, made.headers["Location"])
    assert await client.held(where) == 0


async def test_appends_add_up(client, api, url):
    """Each begins where the last ended; the medium is whole with its last byte."""
    where = await url()
    await client.create(where)
    first = await client.append(where, AUDIO[:100_000], 0)
    last = await client.append(where, AUDIO[100_000:], 100_000)

    assert (first.status, first.headers["Upload-Offset"]) == (204, "100000")
    assert (last.status, last.headers["Upload-Offset"]) == (client.done, str(TOTAL))
    assert await whole(api, where) == digest(AUDIO)


async def test_creation_may_be_left_out(client, api, url):
    """upload-url has created the upload already."""
    where = await url()
    await client.append(where, AUDIO, 0)

    assert await whole(api, where) == digest(AUDIO)


async def test_creation_may_bring_the_first_bytes(client, api, url):
    """Or all of them."""
    where = await url()
    kind = {"Content_Type": "application/offset+octet-stream"}
    some = await client.create(where, body=AUDIO[:1000], **kind)
    rest = await client.append(where, AUDIO[1000:], 1000)

    assert (some.status, some.headers["Upload-Offset"]) == (201, "1000")
    assert rest.status == client.done
    assert await whole(api, where) == digest(AUDIO)


async def test_protocols_share_what_is_held(api, url, tus, ietf):
    """A medium may be begun in one, gone on with in another, and ended in the third."""
    where = await url()
    await api.put(where, AUDIO[:1000], 0, TOTAL)
    held = await tus.held(where)
    await tus.append(where, AUDIO[held:5000], held)
    last = await ietf.append(where, AUDIO[5000:], 5000)

    assert held == 1000
    assert last.json["content_sha256"] == digest(AUDIO)


@pytest.mark.parametrize("first", [0, 999, 1001])
async def test_another_offset_is_a_conflict(client, api, url, first):
    """409 says what is held; nothing is stored."""
    where = await url()
    await client.append(where, AUDIO[:1000], 0)
    refused = await client.append(where, AUDIO[first : first + 50], first)

    assert (refused.status, refused.code) == (409, "offset_mismatch")
    assert refused.headers["Upload-Offset"] == "1000"
    assert refused.json["type"] == f"{IANA}mismatching-upload-offset"
    assert await client.held(where) == 1000


async def test_a_lost_last_answer_is_found_again(client, url):
    """HEAD on what is whole says so, with its digest, for ever."""
    where = await url()
    await client.append(where, AUDIO, 0)
    asked = await client.call("HEAD", where)

    assert asked.headers["Upload-Offset"] == asked.headers["Upload-Length"] == str(TOTAL)
    assert asked.headers["Upload-Complete"] == "?1"
    assert asked.headers["Repr-Digest"] == repr_digest(AUDIO)
    assert asked.headers["Cache-Control"] == "no-store"


async def test_an_empty_last_append_may_be_repeated(client, url):
    """It brings nothing, and all is there."""
    where = await url()
    await client.append(where, AUDIO, 0)
    again = await client.append(where, b"", TOTAL)

    assert (again.status, again.headers["Upload-Offset"]) == (client.done, str(TOTAL))


async def test_an_empty_medium(client, api):
    """It is whole by its creation, and stays so when an empty append follows."""
    where = (await api.target(await api.recording(), b""))["upload_url"]
    made = await client.create(where, length=0)
    empty = await client.append(where, b"", 0, 0)

    assert (made.status, empty.status) == (201, client.done)
    assert (await api.ask(where, 0)).json["content_sha256"] == digest(b"")


async def test_a_wrong_digest_empties_the_medium(client, url):
    """422, as for chunked PUTs, and the medium starts again."""
    where = await url()
    wrong = AUDIO[:-1] + b"!"
    refused = await client.append(where, wrong, 0)
    held = await client.held(where)
    right = await client.append(where, AUDIO, 0)

    assert (refused.status, refused.code, held) == (422, "digest_mismatch", 0)
    assert right.status == client.done


async def test_creating_again_keeps_what_a_digest_vouches_for(client, api, url):
    """A client that lost its notes goes on; 201 and the conflict both say where."""
    where = await url()
    await client.append(where, AUDIO[:1000], 0)
    again = await client.create(where)
    await client.append(where, AUDIO[1000:], 1000)

    assert again.headers["Upload-Offset"] == "1000"
    assert await whole(api, where) == digest(AUDIO)


async def test_creating_again_begins_anew_where_nobody_vouches(client, api, url):
    """Somebody chose another file: a mixture of both would be stored."""
    where = await url(declare=False)
    other = AUDIO[::-1]
    await client.append(where, AUDIO[:1000], 0)
    again = await client.create(where)
    await client.append(where, other, 0)

    assert again.headers["Upload-Offset"] == "0"
    assert await whole(api, where) == digest(other)


async def test_another_length_is_refused(client, url):
    """The medium's size was said when the URL was asked for."""
    where = await url()
    refused = await client.create(where, length=TOTAL + 1)

    assert (refused.status, refused.code) == (400, "length_mismatch")
    assert refused.json["type"] == f"{IANA}inconsistent-upload-length"


async def test_bytes_beyond_the_end_are_refused(client, url):
    """Before any of them is stored."""
    where = await url()
    refused = await client.append(where, AUDIO + b"!", 0, TOTAL + 1)

    assert (refused.status, refused.code) == (400, "length_mismatch")
    assert await client.held(where) == 0


async def test_a_size_that_only_the_client_knew_is_kept(client, api, unsized):
    """The next request need not say it again."""
    where = await unsized()
    before = await client.call("HEAD", where)
    await client.create(where)
    after = await client.call("HEAD", where)
    last = await client.append(where, AUDIO, 0)

    assert "Upload-Length" not in before.headers
    assert after.headers["Upload-Length"] == str(TOTAL)
    assert last.status == client.done


async def test_an_expired_url(client, url, clock):
    """403 for every method; the bytes are kept for a fresh one."""
    where = await url()
    clock.advance(3601)
    answers = [
        await client.create(where),
        await client.append(where, AUDIO, 0),
        await client.call("HEAD", where),
    ]

    assert [answer.status for answer in answers] == [403, 403, 403]
    assert {answer.headers["Tus-Resumable"] for answer in answers} == {"1.0.0"}
    assert answers[0].code == answers[1].code == "url_expired"


async def test_a_url_that_nobody_signed(client, url):
    """403 as well."""
    forged = await client.create((await url())[:-1])

    assert forged.code == "signature_invalid"


async def test_a_fresh_url_goes_on(client, api, clock):
    """The same medium under a new signature, from where it was."""
    recording = await api.recording()
    first = await api.target(recording, AUDIO, key="m-0")
    await client.append(first["upload_url"], AUDIO[:1000], 0)
    clock.advance(3601)
    fresh = (await api.target(recording, AUDIO, key="m-0"))["upload_url"]

    assert await client.held(fresh) == 1000


async def test_asking_takes_over_from_a_stale_writer(client, api, url, arrived):
    """A half-open connection holds no upload: what it brought counts, and it is told to stop."""
    where = await url()
    fields = {"Upload-Complete": "?1", "Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    kind = PARTIAL if client.name == "ietf" else "application/offset+octet-stream"
    lines = [f"{name}: {text}" for name, text in {**fields, "Content-Type": kind}.items()]
    stale = await RawPut.open(where, None, TOTAL, *lines, method="PATCH")
    await stale.send(AUDIO[:100_000])
    await arrived(100_000)
    held = await client.held(where)
    done = await client.append(where, AUDIO[held:], held)
    status = await stale.status()
    await stale.cut()

    assert (held, status, done.status) == (100_000, 409, client.done)


@pytest.mark.parametrize("good", [True, False])
async def test_expectations_are_met_late(url, good):
    """A client that asks first sends no byte for a URL that is no good."""
    where = await url()
    asking = ("Expect: 100-continue", "Tus-Resumable: 1.0.0", "Upload-Offset: 0")
    kind = "Content-Type: application/offset+octet-stream"
    patch = await RawPut.open(
        where if good else where[:-1], None, TOTAL, *asking, kind, method="PATCH"
    )
    status = await patch.status()
    await patch.cut()

    assert status == (100 if good else 403)


async def test_a_deleted_recording(client, api):
    """404, and the client asks the API."""
    recording = await api.recording()
    where = (await api.target(recording, AUDIO))["upload_url"]
    await client.append(where, AUDIO[:1000], 0)
    await api.call("DELETE", f"/v1/recordings/{recording}", token=await api.api_key())
    gone = await client.append(where, AUDIO[1000:], 1000)

    assert (gone.status, gone.code) == (404, "not_found")


async def test_a_completed_recording_answers_as_before(client, api):
    """Its media stay as they are."""
    recording = await api.recording()
    where = (await api.target(recording, AUDIO))["upload_url"]
    await client.append(where, AUDIO, 0)
    await api.complete(recording, AUDIO)
    again = await client.create(where)
    refused = await client.append(where, AUDIO[:-1], 0, 0)

    assert (again.status, again.headers["Upload-Offset"]) == (201, str(TOTAL))
    assert refused.code == {"tus": "offset_mismatch", "ietf": "upload_complete"}[client.name]
    assert await client.held(where) == TOTAL


async def test_a_medium_too_large(tmp_path, clock):
    """413 at creation, with what would be taken."""
    async with serving(tmp_path / "data", clock, max_medium_bytes=1000) as api:
        _, api.token = await api.device()
        path = f"/v1/recordings/{await api.recording()}/upload-url"
        where = (await api.call("POST", path, {"type": "audio"})).json["upload_url"]
        by_tus = await Tus(api).create(where, 1001)
        by_ietf = await Ietf(api).create(where, 1001)

    assert (by_tus.code, by_tus.headers["Tus-Resumable"]) == ("medium_too_large", "1.0.0")
    assert by_ietf.code == "medium_too_large"
    assert "max-size=1000" in by_ietf.headers["Upload-Limit"]


async def pieces(content):
    """A body of unknown size: chunked transfer coding, as programs that stream send it."""
    yield content[:100_000]
    await asyncio.sleep(0)
    yield content[100_000:]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_body_without_a_size_counts_to_the_end(client, api, url, method):
    """In a creation and in an append."""
    where = await url()
    kind = PARTIAL if client.name == "ietf" else "application/offset+octet-stream"
    version = {} if client.name == "ietf" else {"Tus-Resumable": "1.0.0"}
    fields = {"Content-Type": kind, "Upload-Complete": "?1", "Upload-Length": str(TOTAL)}
    headers = {**version, **fields, "Upload-Offset": "0"}
    async with api.session.request(method, where, data=pieces(AUDIO), headers=headers) as response:
        status = response.status

    assert status == (201 if (method, client.name) == ("POST", "tus") else client.done)
    assert await whole(api, where) == digest(AUDIO)


async def test_a_last_body_that_ends_early_is_refused(ietf, api, url):
    """It said that it was the last; what arrived is kept."""
    where = await url()
    fields = {"Content-Type": PARTIAL, "Upload-Offset": "0", "Upload-Complete": "?1"}
    async with api.session.patch(where, data=pieces(AUDIO[:-1]), headers=fields) as response:
        refused = await response.json(content_type=None)

    assert refused["error"]["code"] == "length_mismatch"
    assert await ietf.held(where) == TOTAL - 1


@pytest.mark.parametrize("more", [1, 100_000])
async def test_a_body_that_goes_on_beyond_the_end_is_refused(client, api, url, more):
    """A body of unsaid size that is longer than the medium is not cut to fit and called whole."""
    where = await url(declare=False)
    fields = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    if client.name == "ietf":
        fields |= {"Content-Type": PARTIAL, "Upload-Complete": "?1"}
    else:
        fields |= {"Tus-Resumable": "1.0.0"}
    body = pieces(AUDIO + b"!" * more)
    async with api.session.patch(where, data=body, headers=fields) as response:
        refused = await response.json(content_type=None)
    held = await client.held(where)
    last = await client.append(where, AUDIO, 0)

    assert (refused["error"]["code"], held) == ("length_mismatch", 0)
    assert last.status == client.done


async def test_a_size_that_nobody_knows_is_asked_for(api, unsized):
    """Neither of the body nor of the upload: how much would be taken?"""
    fields = {"Content-Type": PARTIAL, "Upload-Offset": "0", "Upload-Complete": "?1"}
    async with api.session.patch(await unsized(), data=pieces(AUDIO), headers=fields) as response:
        refused = await response.json(content_type=None)

    assert (refused["status"], refused["error"]["code"]) == (400, "invalid_request")


async def test_googles_way_to_begin(api, url):
    """The session is the URL itself, in full: Google's clients do not resolve it."""
    where = await url()
    started = await api.call("POST", where, body=b"{}", headers={"x-goog-resumable": "start"})

    assert (started.status, started.headers["Location"]) == (201, where)
    assert (await api.ask(where, TOTAL)).held == 0


async def test_nothing_is_announced_where_bytes_go_elsewhere(api, url, monkeypatch):
    """With a bucket the gateway's own upload URLs speak nothing."""
    where = await url()
    monkeypatch.setattr(api.gateway, "intake", object())
    asked = await api.call("OPTIONS", where)

    assert asked.status == 404
    assert "Tus-Version" not in asked.headers


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain"])
async def test_bytes_of_another_type_are_refused(tus, url, kind):
    """415 names both types."""
    where = await url()
    fields = {} if kind is None else {"Content_Type": kind}
    refused = await tus.call("PATCH", where, AUDIO, Upload_Offset=0, **fields)

    assert (refused.status, refused.code) == (415, "media_type_refused")
    assert PARTIAL in refused.headers["Accept-Patch"]


async def test_another_version_of_tus_is_refused(tus, url):
    """412 names ours."""
    refused = await tus.append(await url(), AUDIO, 0, Tus_Resumable="0.2.2")

    assert (refused.status, refused.headers["Tus-Version"]) == (412, "1.0.0")


async def test_a_patch_may_come_as_a_post(tus, api, url):
    """X-HTTP-Method-Override, which tus demands for what cannot PATCH."""
    where = await url()
    fields = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": 0}
    done = await tus.call("POST", where, AUDIO, X_HTTP_Method_Override="PATCH", **fields)

    assert done.status == 204
    assert await whole(api, where) == digest(AUDIO)


async def test_tus_says_when_the_url_ends(tus, url):
    """Upload-Expires is the URL's own expiry, on every answer that goes on."""
    where = await url()
    made = await tus.create(where)
    some = await tus.append(where, AUDIO[:10], 0)

    assert made.headers["Upload-Expires"] == "Sun, 01 Mar 2026 13:00:00 GMT"
    assert some.headers["Upload-Expires"] == made.headers["Upload-Expires"]


async def test_ietf_says_how_long_the_url_opens(ietf, url, clock):
    """max-age counts down."""
    where = await url()
    clock.advance(600)
    made = await ietf.create(where)

    assert made.headers["Upload-Limit"] == "min-size=0, max-size=17179869184, max-age=3000"


@pytest.mark.parametrize("interop", ["6", "7", "8"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_ietf_at_once(ietf, url, interop, method):
    """All of it in the creation, by POST or PUT: 200 and the digest."""
    version = {"Upload_Draft_Interop_Version": interop}
    done = await ietf.call(method, await url(), AUDIO, Upload_Complete="?1", **version)

    assert (done.status, done.headers["Upload-Complete"]) == (200, "?1")
    assert done.headers["Repr-Digest"] == repr_digest(AUDIO)


async def test_ietf_creation_by_put_stores_no_slice(ietf, api, url):
    """What would replace the whole medium without its header only begins it with."""
    where = await url()
    made = await ietf.call("PUT", where, AUDIO[:1000], Upload_Complete="?0")

    assert (made.status, made.headers["Upload-Offset"]) == (201, "1000")
    assert (await api.ask(where, TOTAL)).held == 1000


async def test_ietf_completes_an_upload_of_unknown_size(ietf, unsized):
    """The last append says that it is the last."""
    where = await unsized()
    some = await ietf.append(where, AUDIO[:1000], 0, 0)
    last = await ietf.append(where, AUDIO[1000:2000], 1000, 2000)

    assert (some.status, some.headers["Upload-Complete"]) == (204, "?0")
    assert last.json["file_size_bytes"] == 2000


async def test_a_refused_append_settles_no_size(ietf, unsized):
    """A last append that does not begin where the upload is says nothing about its size."""
    where = await unsized()
    await ietf.append(where, AUDIO[:1000], 0, 0)
    astray = await ietf.append(where, AUDIO[:20], 50, 70)
    last = await ietf.append(where, AUDIO[1000:2000], 1000, 2000)

    assert (astray.status, astray.headers["Upload-Offset"]) == (409, "1000")
    assert (last.status, last.json["file_size_bytes"]) == (200, 2000)


async def test_ietf_refuses_another_digest_at_once(ietf, url):
    """Announced otherwise than declared: no byte needs to travel."""
    refused = await ietf.create(await url(), Repr_Digest=repr_digest(b"other"))

    assert (refused.status, refused.code) == (422, "digest_mismatch")


async def test_ietf_tells_bytes_for_a_complete_upload(ietf, url):
    """With the registered problem, so that the client asks instead of sending."""
    where = await url()
    await ietf.append(where, AUDIO, 0)
    refused = await ietf.append(where, AUDIO, 0)

    assert (refused.status, refused.json["type"]) == (400, f"{IANA}completed-upload")


async def test_ietf_needs_to_hear_whether_it_is_the_last(ietf, url):
    """400 for an append that does not say."""
    refused = await ietf.append(await url(), AUDIO[:10], 0, Upload_Complete="yes")

    assert (refused.status, refused.code) == (400, "invalid_request")


async def test_options_announces_both(api, url):
    """To anybody: a browser asks without the page's headers, an agent before it knows."""
    asked = await api.call("OPTIONS", (await url()).partition("?")[0])

    assert asked.status == 204
    assert asked.headers["Tus-Version"] == "1.0.0"
    assert asked.headers["Tus-Extension"] == "creation,creation-with-upload,expiration"
    assert asked.headers["Tus-Max-Size"] == "17179869184"
    assert PARTIAL in asked.headers["Accept-Patch"]
    assert asked.headers["Upload-Limit"] == "min-size=0, max-size=17179869184"


async def test_what_a_restart_keeps(tmp_path, clock):
    """Offsets and the size that a creation told survive the gateway."""
    async with serving(tmp_path / "data", clock) as api:
        _, api.token = await api.device()
        path = f"/v1/recordings/{await api.recording()}/upload-url"
        where = (await api.call("POST", path, {"type": "audio"})).json["upload_url"]
        await Tus(api).create(where)
        await Tus(api).append(where, AUDIO[:1000], 0)
        before = api.url
    async with serving(tmp_path / "data", clock) as api:
        asked = await Tus(api).call("HEAD", where.replace(before, api.url))

    assert (asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == ("1000", str(TOTAL))
