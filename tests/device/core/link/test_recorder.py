"""The recorder's side: refusals by the table, credit never exceeded, old streams ended."""

from dataclasses import replace

import pytest

from device.core.link.answers import Done, End, Error, HashesAre, ManifestPage, StateIs, Welcome
from device.core.link.codes import ErrorCode
from device.core.link.listing import Holding, media_digest
from device.core.link.messages import Data, encode_message, parse
from device.core.link.recorder import RecorderMachine
from device.core.link.requests import (
    Abort,
    Hashes,
    Hello,
    Ping,
    Read,
    ReadManifest,
    Release,
    Window,
)
from tests.device.drivers.native_rig import FakeBoard, FakeStore

ID = b"A" * 16
CONTENT = bytes(range(256)) * 400
KEY = {"request": 9, "recording": ID, "generation": 1}


class Bench:
    def __init__(self, greeted: bool = True) -> None:
        self.store = FakeStore({(ID, 1): (CONTENT,)})
        self.machine = RecorderMachine(FakeBoard(), self.store)
        if greeted:
            self.ask(hello())

    def ask(self, message):
        answers = [parse(frame) for frame in self.machine.received(encode_message(message))]
        return answers[0] if answers else None

    def flow(self) -> list:
        frames = []
        while (frame := self.machine.next_frame()) is not None:
            frames.append(parse(frame))
        return frames


def hello(**changed) -> Hello:
    fields = {"request": 1, "min_version": 1, "max_version": 1, "max_frame_bytes": 4096}
    return Hello(**{**fields, **changed})


def read(**changed) -> Read:
    fields = {**KEY, "index": 0, "offset": 0, "stream": 5, "limit": 1 << 20}
    return Read(**{**fields, **changed})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (read(recording=b"Z" * 16), ErrorCode.NOT_FOUND),
        (read(generation=2), ErrorCode.NOT_FOUND),
        (read(index=1), ErrorCode.NOT_FOUND),
        (read(sha256=bytes(32)), ErrorCode.CHANGED),
        (read(offset=len(CONTENT) + 1), ErrorCode.RANGE),
        (ReadManifest(**{**KEY, "generation": 2}, first=0), ErrorCode.NOT_FOUND),
        (Hashes(**KEY, index=1, first=0, count=1), ErrorCode.NOT_FOUND),
        (Release(**KEY, sha256=bytes(32)), ErrorCode.DIGEST),
        (hello(min_version=2, max_version=9), ErrorCode.VERSION),
        (hello(max_frame_bytes=100), ErrorCode.TOO_LARGE),
        (Window(stream=77, limit=1), ErrorCode.UNKNOWN_STREAM),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_code(message, code):
    """Each refusal has its number and the retryable bit of the table."""
    bench = Bench()
    answer = bench.ask(message)

    assert isinstance(answer, Error)
    assert answer.code == code
    assert len(bench.store.stored) == 1


def test_an_open_recording_is_neither_read_nor_released():
    """A recording that is still written is refused until it is closed."""
    bench = Bench()
    bench.store.stored[0] = replace(bench.store.stored[0], state=Holding.OPEN)
    digest = media_digest([bench.store.stored[0].media[0].sha256])

    assert bench.ask(read()).code == ErrorCode.STILL_OPEN
    assert bench.ask(Release(**KEY, sha256=digest)).code == ErrorCode.STILL_OPEN


def test_without_a_session_nothing_but_hello_is_answered():
    """A recorder that has just started says so to every request."""
    bench = Bench(greeted=False)

    assert bench.ask(Ping(request=1)).code == ErrorCode.NO_SESSION
    assert bench.ask(Window(stream=1, limit=5)).code == ErrorCode.NO_SESSION
    assert bench.machine.next_frame() is None
    assert isinstance(bench.ask(hello()), Welcome)


def test_credit_is_never_exceeded():
    """Data stops at the limit, goes on when it is raised, and ignores a lower one."""
    bench = Bench()
    bench.ask(read(limit=1500))
    first = bench.flow()
    bench.ask(Window(stream=5, limit=100))
    nothing = bench.flow()
    bench.ask(Window(stream=5, limit=3000))
    second = bench.flow()

    assert [len(data.payload) for data in first] == [1024, 476]
    assert nothing == []
    assert b"".join(data.payload for data in first + second) == CONTENT[:3000]


def test_a_stream_ends_with_its_size_and_digest():
    """END follows the last byte, whatever the credit, and closes the stream."""
    bench = Bench()
    bench.ask(read(offset=len(CONTENT)))
    (end,) = bench.flow()

    assert isinstance(end, End)
    assert end.size_bytes == len(CONTENT)
    assert bench.flow() == []


@pytest.mark.parametrize("message", [read(stream=6), Abort(request=2, stream=5), hello()])
def test_an_old_stream_sends_nothing_more(message):
    """READ, ABORT and HELLO end the stream at once."""
    bench = Bench()
    bench.ask(read(limit=4096))
    bench.machine.next_frame()
    bench.ask(message)

    assert all(not isinstance(each, Data) or each.stream == 6 for each in bench.flow())


def test_aborting_what_is_not_open_is_done():
    """ABORT is idempotent, and spares another stream."""
    bench = Bench()
    bench.ask(read(limit=2048))

    assert isinstance(bench.ask(Abort(request=2, stream=99)), Done)
    assert len(bench.flow()) == 2


def test_smaller_payloads_are_heeded():
    """A host on a noisy line gets the frames it asks for."""
    bench = Bench()
    bench.ask(read(limit=1000, payload_bytes=300))

    assert [len(data.payload) for data in bench.flow()] == [300, 300, 300, 100]


def test_hashes_cover_whole_blocks_from_the_first_asked():
    """A last partial block has no hash; behind the last whole one there is nothing."""
    bench = Bench()
    found = bench.ask(Hashes(**KEY, index=0, first=0, count=100))
    behind = bench.ask(Hashes(**KEY, index=0, first=1, count=100))

    assert isinstance(found, HashesAre)
    assert len(found.hashes) == 16
    assert behind.hashes == b""


def test_release_is_answered_the_same_again():
    """A repeated RELEASE, and one of what never was, is gone."""
    bench = Bench()
    digest = media_digest([bench.store.stored[0].media[0].sha256])
    answers = [bench.ask(Release(**KEY, sha256=digest)) for _ in range(2)]

    assert answers == [StateIs(request=9, state=Holding.GONE)] * 2


def test_storage_that_cannot_delete_says_so():
    """A deletion that fails is a retryable error, and the recording stays."""
    bench = Bench()
    digest = media_digest([bench.store.stored[0].media[0].sha256])

    def fails(stored):
        raise OSError(30, "read-only")

    bench.store.remove = fails

    assert bench.ask(Release(**KEY, sha256=digest)).code == ErrorCode.STORAGE


def test_labels_that_no_frame_holds_are_left_out():
    """An item too large for a page loses its labels, and nothing else."""
    bench = Bench(greeted=False)
    stored = bench.store.stored[0]
    media = (replace(stored.media[0], name="n" * 128),)
    bench.store.stored[0] = replace(stored, metadata={"k": "v" * 300}, media=media)
    bench.ask(hello(max_frame_bytes=240))
    page = bench.ask(ReadManifest(**KEY, first=0))

    assert isinstance(page, ManifestPage)
    assert len(encode_message(page)) <= 240
    assert len(page.items) == 1


def test_its_own_kind_of_message_is_ignored():
    """An echo of what a recorder says is no request."""
    assert Bench().ask(Done(request=4)) is None
    assert Bench().machine.received(b"") == []
    assert Bench().machine.received(b"\x02\x01\x00\x00\x00\x00hi") == []
