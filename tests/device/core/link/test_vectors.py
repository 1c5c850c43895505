"""The golden vectors of the link protocol hold in both directions."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from device.core.link import answers, listing, messages, requests
from device.core.link.codes import RETRYABLE, ErrorCode
from device.core.link.framing import FrameDecoder, encode
from device.core.link.listing import decode_item, encode_item
from device.core.link.messages import Broken, Data, encode_data, encode_message, parse
from device.core.link.recorder import RecorderMachine
from device.core.link.wire import At
from tests.device.drivers.native_rig import FakeBoard, FakeStore

VECTORS = Path(__file__).parents[3] / "vectors" / "link"
PROTOCOL = Path(messages.__file__).with_name("PROTOCOL.md")


def vectors(name: str) -> dict:
    return json.loads((VECTORS / f"{name}.json").read_text())


def from_json(value):
    match value:
        case {"hex": octets}:
            return bytes.fromhex(octets)
        case list():
            return tuple(from_json(each) for each in value)
    return value


def built(module_names, kind: str, values: dict):
    kinds = {name: each for module in module_names for name, each in vars(module).items()}
    return kinds[kind](**{name: from_json(value) for name, value in values.items()})


MESSAGES = vectors("messages")["messages"]


@pytest.mark.parametrize("vector", MESSAGES, ids=lambda v: v["name"])
def test_a_message_is_its_vector(vector):
    """Every message encodes to its frame and wire form, and decodes from them."""
    message = built((requests, answers), vector["message"], vector["fields"])
    frame = bytes.fromhex(vector["frame"])

    assert encode_message(message) == frame
    assert parse(frame) == message
    assert encode(frame).hex() == vector["wire"]
    assert FrameDecoder().feed(bytes.fromhex(vector["wire"])) == [frame]


def test_every_message_has_a_vector():
    """No message goes without a golden vector."""
    assert {kind.__name__ for kind in messages._KINDS.values()} == {m["message"] for m in MESSAGES}


def test_every_error_has_a_vector_and_a_row():
    """The error table of the specification is the one in the code."""
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| (yes|no) \|", PROTOCOL.read_text(), re.MULTILINE)
    in_vectors = {m["fields"]["code"] for m in MESSAGES if m["message"] == "Error"}

    assert rows == [(str(int(c)), c.name, "yes" if c in RETRYABLE else "no") for c in ErrorCode]
    assert in_vectors >= {int(c) for c in ErrorCode}


@pytest.mark.parametrize("vector", vectors("messages")["items"], ids=lambda v: v["encoded"][:24])
def test_an_item_is_its_vector(vector):
    """Items of listings and manifests encode to their vectors, and decode from them."""
    item = built((listing,), vector["item"], vector["fields"])
    encoded = bytes.fromhex(vector["encoded"])

    assert encode_item(item) == encoded
    assert decode_item(type(item), encoded) == item


@pytest.mark.parametrize("vector", vectors("data")["data"], ids=lambda v: str(v["offset"]))
def test_a_data_frame_is_its_vector(vector):
    """Data frames take the short form below 4 GiB and the long one above."""
    payload, frame = bytes.fromhex(vector["payload"]), bytes.fromhex(vector["frame"])

    assert encode_data(vector["stream"], vector["offset"], payload) == frame
    assert parse(frame) == Data(stream=vector["stream"], offset=vector["offset"], payload=payload)
    assert FrameDecoder().feed(bytes.fromhex(vector["wire"])) == [frame]
    assert encode(frame).hex() == vector["wire"]


@pytest.mark.parametrize("vector", vectors("damaged")["wires"], ids=lambda v: v["name"])
def test_damaged_wire_is_its_vector(vector):
    """Damage is marked where it stood, and frames around it survive."""
    got = FrameDecoder().feed(bytes.fromhex(vector["wire"]))

    assert [frame.hex() for frame in got] == vector["frames"]


@pytest.mark.parametrize("vector", vectors("hostile")["frames"], ids=lambda v: v["name"])
def test_a_hostile_frame_is_its_vector(vector):
    """What breaks the rules is an error to answer, with the request id where it can be read."""
    found = parse(bytes.fromhex(vector["frame"]))

    assert isinstance(found, Broken)
    assert (found.code, found.request) == (vector["code"], vector["request"])


@pytest.mark.parametrize("vector", vectors("tolerated")["frames"], ids=lambda v: v["name"])
def test_a_tolerated_frame_is_its_vector(vector):
    """What a newer or less tidy peer may send is understood."""
    found = parse(bytes.fromhex(vector["frame"]))

    assert found == built((requests, answers), vector["message"], vector["fields"])


def test_the_session_is_its_vector():
    """A recorder answers a whole session as the transcript says, frame by frame."""
    script = vectors("session")
    manifest = next(
        answer
        for step in script["steps"]
        if isinstance(answer := parse(bytes.fromhex(step["frame"])), answers.ManifestPage)
    )
    page = next(
        answer
        for step in script["steps"]
        if isinstance(answer := parse(bytes.fromhex(step["frame"])), answers.Page)
    )
    item = decode_item(listing.RecordingItem, page.items[0])
    contents = [bytes.fromhex(content) for content in script["contents"]]
    store = FakeStore({(item.recording, item.generation): contents})
    (stored,) = store.stored
    store.stored = [
        type(stored)(
            recording=item.recording,
            generation=item.generation,
            media=tuple(decode_item(listing.MediumItem, each) for each in manifest.items),
            timebase=listing.Timebase(item.timebase),
            started_ms=item.started_ms,
            ended_ms=item.ended_ms,
        )
    ]
    board = FakeBoard(boot=bytes.fromhex("0011223344556677"))
    board.used_bytes, board.dropped_recordings, board.times_full = 3500, 0, 0
    machine = RecorderMachine(board, store)
    said = [machine.started()]
    for step in script["steps"]:
        assert encode(bytes.fromhex(step["frame"])).hex() == step["wire"]
        if step["from"] == "recorder":
            assert said.pop(0).hex() == step["frame"]
            continue
        assert said == []
        said += machine.received(bytes.fromhex(step["frame"]))
        while (frame := machine.next_frame()) is not None:
            said.append(frame)

    assert said == []


def test_the_examples_of_the_specification_are_true():
    """Every hex example in PROTOCOL.md is a frame of the vectors, or the wire form of one."""
    page = PROTOCOL.read_text()
    known = {
        vector["frame"]
        for name, key in (("messages", "messages"), ("data", "data"), ("session", "steps"))
        for vector in vectors(name)[key]
    }
    wires = {encode(bytes.fromhex(frame)).hex() for frame in known}
    frames = [
        line for block in re.findall(r"```hex\n(.*?)```", page, re.DOTALL) for line in block.split()
    ]
    wired = [
        line
        for block in re.findall(r"```wire\n(.*?)```", page, re.DOTALL)
        for line in block.split()
    ]

    assert frames
    assert wired
    assert set(frames) <= known
    assert set(wired) <= wires


def test_the_cddl_names_every_key():
    """Each message's CDDL in the specification has exactly its keys, and `?` where optional."""
    cddl = re.search(r"```cddl\n(.*?)```", PROTOCOL.read_text(), re.DOTALL)
    rules = {
        int(number): body
        for body in re.findall(r"= \{(.*?)\}(?=\s|$)", cddl[1].replace("{0*16", "(0*16"), re.DOTALL)
        if (number := (re.match(r"0: (\d+)", body) or [None, None])[1])
    }
    for kind in messages._KINDS.values():
        wanted = {
            (next(e.key for e in hint.__metadata__ if isinstance(e, At)), name)
            for name, hint in _hints(kind).items()
        }
        keys = {int(key) for key in re.findall(r"(?:^|,)\s*(?:\? )?(\d+):", rules[kind.TYPE])}
        optional = {int(key) for key in re.findall(r"\? (\d+):", rules[kind.TYPE])}

        assert keys == {0} | {key for key, _ in wanted}
        assert optional == {key for key, name in wanted if name in _optional(kind)}


def _blocks(kind: str, page: str):
    for block in re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL):
        yield from block.split()


def _hints(kind):
    from typing import get_type_hints  # noqa: PLC0415 - used here alone

    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _optional(kind):
    return {field.name for field in fields(kind) if field.default is None}
