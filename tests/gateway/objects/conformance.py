"""What every ObjectStore must do, over a server that the caller brings."""

import hashlib
from typing import Protocol

from gateway.objects import ObjectRef, ObjectStore, Offer, SignedFor, UploadTarget

REF = ObjectRef("rec_1", "med_1")
CONTENT = bytes(range(256)) * 40
SIGNED = SignedFor(base_url="http://gateway.example/v1", expires=4_000_000_000, life_s=600)


class Rig(Protocol):
    """An object store under test, empty."""

    store: ObjectStore

    async def put(self, target: UploadTarget, content: bytes, *, cut: int = 0) -> None:
        """Do as a client that was handed `target`; it vanishes `cut` bytes before the end."""
        ...

    async def fetch(self, url: str) -> bytes:
        """Do as a client that was handed a download URL."""
        ...


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def offer_of(content: bytes) -> Offer:
    return Offer(content_type="audio/opus", size_bytes=len(content), sha256=sha256(content))


def only_new(target: UploadTarget) -> bool:
    """Say whether a target refuses (412) what would replace an object."""
    asked = {name.lower(): value for name, value in target.headers.items()}
    return (asked.get("if-none-match"), asked.get("x-goog-if-generation-match")) != (None, None)


async def send(rig: Rig, content: bytes, ref: ObjectRef = REF, **more: int) -> UploadTarget:
    target = await rig.store.target(ref, offer_of(content), SIGNED)
    await rig.put(target, content, **more)
    return target


async def check_an_object_is_counted(rig: Rig) -> None:
    """What a client put is there, with its size and digest as the store holds it."""
    await send(rig, CONTENT)
    stored = await rig.store.verify(REF)

    assert stored is not None
    assert (len(CONTENT), sha256(CONTENT)) == (stored.size_bytes, stored.sha256)


async def check_an_empty_object_is_counted(rig: Rig) -> None:
    """An object without a byte is an object."""
    await send(rig, b"")
    stored = await rig.store.verify(REF)

    assert stored is not None
    assert (0, sha256(b"")) == (stored.size_bytes, stored.sha256)


async def check_an_absent_object_is_an_answer(rig: Rig) -> None:
    """Verifying, rejecting and deleting what is not there are no errors."""
    assert await rig.store.verify(REF) is None
    await rig.store.reject(REF)
    await rig.store.delete(REF.recording_id, [REF])
    assert await rig.store.verify(REF) is None


async def check_a_cut_leaves_no_object(rig: Rig) -> None:
    """A client that vanishes midway leaves nothing that could be taken for the object."""
    await send(rig, CONTENT, cut=100)

    assert await rig.store.verify(REF) is None


async def check_an_object_is_replaced_whole(rig: Rig) -> None:
    """A second upload takes the place of the first; none where its target was for a new one."""
    await send(rig, CONTENT)
    target = await send(rig, CONTENT[::-1])
    stored = await rig.store.verify(REF)

    assert stored is not None
    assert sha256(CONTENT if only_new(target) else CONTENT[::-1]) == stored.sha256


async def check_a_rejected_object_is_out_of_the_way(rig: Rig) -> None:
    """A rejected object is not there any more, however often; the next one is."""
    await send(rig, CONTENT[:100])
    await rig.store.reject(REF)
    await rig.store.reject(REF)

    assert await rig.store.verify(REF) is None
    await send(rig, CONTENT)
    assert await rig.store.verify(REF) is not None


async def check_deleted_objects_are_gone(rig: Rig) -> None:
    """Deleting removes the objects of that recording alone, however often."""
    other = ObjectRef("rec_2", "med_2")
    await send(rig, CONTENT)
    await send(rig, CONTENT, other)
    for _ in range(2):
        await rig.store.delete(REF.recording_id, [REF, ObjectRef("rec_1", "med_9")])

    assert await rig.store.verify(REF) is None
    assert await rig.store.verify(other) is not None


async def check_a_download_gives_the_bytes(rig: Rig) -> None:
    """The download URL alone is enough to fetch what was put."""
    await send(rig, CONTENT)

    assert CONTENT == await rig.fetch(await rig.store.download_url(REF, SIGNED))


async def check_it_says_that_it_is_there(rig: Rig) -> None:
    """A store that works answers a ping."""
    await rig.store.ping()


CHECKS = (
    check_an_object_is_counted,
    check_an_empty_object_is_counted,
    check_an_absent_object_is_an_answer,
    check_a_cut_leaves_no_object,
    check_an_object_is_replaced_whole,
    check_a_rejected_object_is_out_of_the_way,
    check_deleted_objects_are_gone,
    check_a_download_gives_the_bytes,
    check_it_says_that_it_is_there,
)
