"""What an S3 store may answer that is not what was asked for, and what it must not do to us."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from botocore.exceptions import ClientError

from gateway.config_objects import S3Config
from gateway.errors import StorageFailed, Unavailable
from gateway.objects import ObjectRef, Offer, SignedFor
from gateway.objects.s3 import S3Objects
from gateway.objects.s3_signing import S3Request
from gateway.objects.store_http import StoreAnswer

pytestmark = pytest.mark.asyncio

REF = ObjectRef("rec_1", "med_1")
SIGNED = SignedFor(base_url="http://gateway.example/v1", expires=4_000_000_000, life_s=600)
ERROR = "<Error><Code>InternalError</Code><Message>try again</Message></Error>"


class Store:
    """Answers `script(request)`: a status and a body; keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.script = lambda _request: (200, "")

    async def answer(self, request):
        self.asked.append((request.method, request.path, dict(request.query)))
        found = self.script(request)
        status, body, *headers = await found if asyncio.iscoroutine(found) else found
        return web.Response(status=status, text=body, headers=headers[0] if headers else None)

    def methods(self):
        return [method for method, _, _ in self.asked]


@pytest_asyncio.fixture
async def answers():
    return Store()


@pytest_asyncio.fixture
async def s3(answers):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answers.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    endpoint = f"http://{host}:{port}"
    store = S3Objects(S3Config(bucket="bkt", endpoint=endpoint, key_id="a"), secret=b"s")
    yield store
    await store.aclose()
    await runner.cleanup()


def uploads(names, more):
    listed = "".join(
        f"<Upload><Key>objects/rec_1/{name}</Key><UploadId>u-{name}</UploadId>"
        "<Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
        for name in names
    )
    marks = f"<NextKeyMarker>objects/rec_1/{names[-1]}</NextKeyMarker>" if names else ""
    marks += f"<NextUploadIdMarker>u-{names[-1]}</NextUploadIdMarker>" if names else ""
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    return f"<ListMultipartUploadsResult>{truncated}{marks}{listed}</ListMultipartUploadsResult>"


async def test_all_pages_of_uploads_are_read(s3, answers):
    """Uploads behind the first page are swept too, however long that page stays full."""

    def paged(request):
        after = request.query.get("key-marker", "").rpartition("/")[2]
        if after:
            assert request.query["upload-id-marker"] == f"u-{after}"
        names = [name for name in "abcde" if name > after]
        return 200, uploads(names[:2], len(names) > 2)

    answers.script = paged
    begun = await s3.begun()

    assert list("abcde") == [each.ref.medium_id for each in begun]
    assert list("abcde") == [each.handle.removeprefix("u-") for each in begun]


async def test_a_store_that_does_not_page_ends_its_list(s3, answers):
    """A store that gives its first page again and again is not asked for ever."""
    contents = "<Contents><Key>objects/r/m</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
    answers.script = lambda request: (
        (200, f"<ListBucketResult>{contents}</Contents></ListBucketResult>")
        if "list-type" in request.query
        else (200, uploads(["a"], more=True))
    )
    listed = {each.ref async for each in s3.listed()}
    begun = await s3.begun()

    assert listed == {ObjectRef("r", "m")}
    assert {each.handle for each in begun} == {"u-a"}
    assert len(answers.asked) <= 4


@pytest.mark.parametrize("asked", ["held", "begun", "listed", "begin"])
async def test_an_error_that_says_ok_is_no_answer(s3, answers, asked):
    """200 with an error inside is a store that is unwell, not an empty one."""
    answers.script = lambda _request: (200, ERROR)
    with pytest.raises(Unavailable) as caught:
        await ask(s3, asked)

    assert caught.type is Unavailable


async def ask(s3, what):
    match what:
        case "held":
            return await s3.held(REF, "u", 1)
        case "begun":
            return await s3.begun()
        case "listed":
            return [each async for each in s3.listed()]
        case "begin":
            return await s3.begin(REF, Offer(content_type="audio/ogg"))
        case _:
            raise AssertionError(what)


@pytest.mark.parametrize(
    "body",
    [
        "<X><Part><PartNumber>x</PartNumber><ETag>e</ETag><Size>1</Size></Part></X>",
        "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part></ListPartsResult>",
        "<html>",
        "",
        "<!DOCTYPE x [<!ENTITY a 'aaaa'>"
        + "".join(f"<!ENTITY a{i} '&a{i - 1 or ''};&a{i - 1 or ''};'>" for i in range(1, 40))
        + "]><x>&a39;</x>",
    ],
    ids=["no number", "no size", "html", "nothing", "entities"],
)
async def test_nonsense_is_a_fault_of_the_store(s3, answers, body):
    """What cannot be read is never a fault of ours, nor a reason to swell."""
    answers.script = lambda _request: (200, body)

    with pytest.raises(StorageFailed):
        await s3.held(REF, "u", 1)


@pytest.mark.parametrize(("status", "body"), [(501, ""), (503, ""), (400, ""), (200, ERROR)])
async def test_a_rejected_object_leaves_a_store_that_cannot_copy(s3, answers, status, body):
    """Where nothing can be put aside, the wrong object goes all the same."""
    answers.script = lambda request: (status, body) if request.method == "PUT" else (204, "")
    await s3.reject(REF)

    assert answers.methods() == ["PUT", "DELETE"]


async def test_many_who_wait_for_a_store_share_its_failure(s3, answers):
    """A store that is away is tried once for all who wait, not once for each after the other."""
    there = asyncio.Event()

    async def late(_request):
        await there.wait()
        return 503, ""

    answers.script = late
    waiting = [asyncio.create_task(s3.look(REF)) for _ in range(20)]
    await asyncio.wait(waiting, timeout=0.2)
    there.set()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    tries = answers.methods().count("PUT")
    answers.script = lambda request: ({"PUT": 501, "HEAD": 404}.get(request.method, 204), "")

    assert {Unavailable} == {type(each) for each in done}
    assert tries == 1
    assert await s3.look(REF) is None


async def test_credentials_that_are_refused_are_no_fault_of_ours(s3):
    """A role that may not be assumed is told as such."""

    class Refused:
        def get_frozen_credentials(self):
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

    s3._bucket.signer._credentials = Refused

    with pytest.raises(StorageFailed, match="credentials"):
        await s3._bucket.signer.sign(S3Request(method="HEAD"), 60)


async def test_a_size_is_never_guessed(s3, monkeypatch):
    """An object whose size a proxy took out of the answer is not of another size."""

    async def ask(*_, **__):
        return StoreAnswer(200, {"etag": "e"}, b"")

    monkeypatch.setattr(s3._bucket.http, "ask", ask)

    with pytest.raises(StorageFailed, match="size"):
        await s3.look(REF)


@pytest.mark.parametrize(("refusal", "believed"), [(400, True), (200, False)])
async def test_only_a_store_that_refuses_other_bytes_is_believed(s3, answers, refusal, believed):
    """One that keeps whatever checksum it was given has counted nothing."""
    told, puts = {"Content-Length": "3"}, []

    def keep(request):
        if (stated := request.headers.get("x-amz-checksum-sha256")) is None:
            return 200, ""
        puts.append(stated)
        if len(puts) == 2:
            return refusal, ""
        told.update({"x-amz-checksum-sha256": puts[0]})
        return 200, ""

    answers.script = lambda request: {
        "PUT": lambda: keep(request),
        "HEAD": lambda: (200, "", told),
        "DELETE": lambda: (204, ""),
    }[request.method]()
    found = await s3.look(REF)

    assert believed == (found.sha256 is not None)
    assert len(puts) == 2


@pytest.mark.parametrize(
    ("first", "second", "kept"), [(200, 412, True), (200, 200, False), (412, 412, False)]
)
async def test_only_a_store_that_keeps_the_first_is_asked_to(s3, answers, first, second, kept):
    """One that ignores the header, or refuses everything that has it, is not sent it."""
    told = iter((first, second))
    answers.script = lambda request: (
        (next(told), "")
        if "If-None-Match" in request.headers
        else (501 if request.method == "PUT" else 204, "")
    )
    target = await s3.target(REF, Offer(content_type="audio/ogg", size_bytes=9), SIGNED)
    names = parse_qs(urlsplit(target.url).query)["X-Amz-SignedHeaders"][0].split(";")

    assert ("*" if kept else None) == target.headers.get("If-None-Match")
    assert kept == ("if-none-match" in names)
    assert "content-length" in names


async def test_a_store_that_is_probed_slowly_is_probed_once(s3, answers):
    """A check that gives up leaves the probe to whoever asks next."""
    there = asyncio.Event()

    async def late(_request):
        await there.wait()
        return 501, ""

    answers.script = lambda request: late(request) if request.method == "PUT" else (404, "")
    for _ in range(3):
        impatient = asyncio.create_task(s3.look(REF))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
    there.set()

    assert await s3.look(REF) is None
    assert answers.methods().count("PUT") == 3


async def test_parts_are_signed_with_their_length(s3):
    """Each part's URL is good for its own number of bytes."""
    urls = await s3.part_urls(REF, "u", {1: 100, 2: 7}, 60)
    names = [parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0] for url in urls]

    assert ["content-length;host"] * 2 == names


@pytest.mark.parametrize(
    ("status", "code", "setting"),
    [
        (403, "SignatureDoesNotMatch", "S3_SECRET_ACCESS_KEY_FILE"),
        (403, "InvalidAccessKeyId", "S3_ACCESS_KEY_ID"),
        (403, "AccessDenied", "S3_ACCESS_KEY_ID"),
        (403, "", "S3_SECRET_ACCESS_KEY_FILE"),
        (404, "NoSuchBucket", "FIELDPOST_GATEWAY_OBJECTS"),
        (404, "", "FIELDPOST_GATEWAY_OBJECTS"),
        (400, "AuthorizationHeaderMalformed", "S3_REGION"),
        (301, "PermanentRedirect", "S3_ENDPOINT"),
        (403, "RequestTimeTooSkewed", "clock"),
    ],
)
async def test_a_store_that_refuses_us_names_the_setting(s3, answers, status, code, setting):
    """A HEAD has no words: the reason is asked for, and whose setting it is about is told."""
    answers.script = lambda request: (
        (status, "")
        if request.method == "HEAD"
        else (status, f"<Error><Code>{code}</Code></Error>")
    )
    with pytest.raises(StorageFailed, match=f"HTTP {status} ?{code}") as refused:
        await s3.ping()

    assert setting in refused.value.hint


async def test_a_key_that_may_only_read_is_found_out(s3, answers):
    """A bucket that answers is not yet one that takes objects."""
    answers.script = lambda request: (
        (403, "<Error><Code>AccessDenied</Code></Error>")
        if request.method in {"PUT", "DELETE"}
        else (200, "")
    )
    with pytest.raises(StorageFailed, match="AccessDenied") as refused:
        await s3.ping()

    assert "write and delete" in refused.value.hint


async def test_a_store_that_works_is_probed_once(s3, answers):
    """A check that comes every few seconds costs one small question."""
    answers.script = lambda request: (501 if request.method == "PUT" else 200, "")
    await s3.ping()
    answers.asked.clear()
    await s3.ping()

    assert ["HEAD"] == answers.methods()


async def test_a_store_out_of_reach_names_its_address():
    """Nobody answers there: the setting that says where is named."""
    nowhere = S3Config(bucket="b", endpoint="http://127.0.0.1:9", key_id="a")
    store = S3Objects(nowhere, secret=b"s")
    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        await store.ping()
    await store.aclose()

    assert "S3_ENDPOINT" in refused.value.hint


@pytest.mark.parametrize("code", ["NoSuchUpload", "NoSuchBucket"])
async def test_a_bucket_that_is_gone_is_no_upload_that_is_over(s3, answers, code):
    """Of the two only the upload may be forgotten."""
    answers.script = lambda _request: (404, f"<Error><Code>{code}</Code></Error>")
    if code == "NoSuchUpload":
        assert await s3.held(REF, "u", 1) is None
        return

    with pytest.raises(StorageFailed, match="bucket"):
        await s3.held(REF, "u", 1)
