"""What every Cloud must do, over a server that the caller brings.

A `Rig` opens a cloud on a fresh account and can put bytes where a target says; the checks are
plain coroutines, so that the same ones run over a double and over a real gateway. What an API
cannot do is declared by its rig, and then checked to be so.
"""

from typing import Protocol

import pytest

from device.cloud import Cloud
from device.errors import CloudError, CloudRejected, TokenRefused
from device.model import Evidence, Manifest, SealedMedium, Target
from tests.fakes.uploads import manifest_of

CONTENT = (b"the audio of a recording", b"one image", b"another image")


class Rig(Protocol):
    """A cloud under test.

    `types` are the content types of three media that it takes; `untaken` is one that it does not,
    None where it takes every kind. `made_by_open` and `made_by_all` are what `recordings` counts
    after `open`, and after a whole recording of three media.
    """

    cloud: Cloud
    types: tuple[str, str, str]
    untaken: str | None
    made_by_open: int
    made_by_all: int

    async def put(self, target: Target, content: bytes) -> Evidence: ...

    async def recordings(self) -> int:
        """Count what the server holds under names of its own."""
        ...

    def calls(self) -> int | None:
        """Count the requests that the server has met; None if nobody can tell."""
        ...

    def revoke(self) -> None:
        """Make the device's token worthless."""
        ...


def _manifest(rig: Rig) -> Manifest:
    return manifest_of(*CONTENT, types=rig.types)


async def _send_all(rig: Rig, manifest: Manifest, ref: dict[str, str]) -> None:
    for medium, content in zip(manifest.media, CONTENT, strict=True):
        await _send(rig, manifest, medium, content, ref)


async def _send(
    rig: Rig, manifest: Manifest, medium: SealedMedium, content: bytes, ref: dict[str, str]
) -> None:
    target = await rig.cloud.target(manifest, medium, ref)
    evidence = await rig.put(target, content)
    ref |= await rig.cloud.stored(manifest, medium, target, evidence, ref)


async def check_a_whole_recording(rig: Rig) -> None:
    """Open, send, complete: a receipt that names the cloud and counts the media."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    await _send_all(rig, manifest, ref)

    receipt = await rig.cloud.complete(manifest, ref)

    assert rig.cloud.name == receipt.cloud
    assert receipt.cloud_recording
    assert 3 == receipt.media
    assert receipt.sha256 in {None, manifest.media[0].sha256}
    assert rig.made_by_all == await rig.recordings()


async def check_open_is_idempotent(rig: Rig) -> None:
    """Opening again, with or without what the first call returned, makes no second recording."""
    manifest = _manifest(rig)
    first = dict(await rig.cloud.open(manifest, {}))

    assert first == dict(await rig.cloud.open(manifest, first))
    assert first == dict(await rig.cloud.open(manifest, {}))
    assert rig.made_by_open == await rig.recordings()


async def check_complete_is_idempotent(rig: Rig) -> None:
    """Completing twice gives the same acknowledgement."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    await _send_all(rig, manifest, ref)

    first = await rig.cloud.complete(manifest, ref)
    again = await rig.cloud.complete(manifest, ref)

    assert first.cloud_recording == again.cloud_recording
    assert rig.made_by_all == await rig.recordings()


async def check_a_medium_is_announced_once(rig: Rig) -> None:
    """Telling again of a medium whose acknowledgement was kept makes nothing twice."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    for medium, content in zip(manifest.media, CONTENT, strict=True):
        target = await rig.cloud.target(manifest, medium, ref)
        evidence = await rig.put(target, content)
        for _ in range(2):
            ref |= await rig.cloud.stored(manifest, medium, target, evidence, ref)

    assert await rig.cloud.complete(manifest, ref)
    assert rig.made_by_all == await rig.recordings()


async def check_targets_may_be_asked_again(rig: Rig) -> None:
    """A target that was never used does not keep the recording from completing."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    await rig.cloud.target(manifest, manifest.media[0], ref)
    await _send_all(rig, manifest, ref)

    assert await rig.cloud.complete(manifest, ref)
    assert rig.made_by_all == await rig.recordings()


async def check_targets_asked_for_together(rig: Rig) -> None:
    """As many as the API hands out at once are in the order asked for, and the ones to use."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    targets = await rig.cloud.targets(manifest, manifest.media, ref)
    for medium, target, content in zip(manifest.media, targets, CONTENT, strict=True):
        evidence = await rig.put(target, content)
        ref |= await rig.cloud.stored(manifest, medium, target, evidence, ref)

    assert rig.cloud.targets_at_once(ref) in {1, *range(len(CONTENT), 51)}
    assert await rig.cloud.complete(manifest, ref)
    assert rig.made_by_all == await rig.recordings()


async def check_nothing_is_acknowledged_early(rig: Rig) -> None:
    """Completing without the media never returns a receipt."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    await rig.cloud.target(manifest, manifest.media[0], ref)

    with pytest.raises(CloudError):
        await rig.cloud.complete(manifest, ref)


async def check_nothing_is_acknowledged_in_part(rig: Rig) -> None:
    """Completing while one medium is under way never returns a receipt."""
    manifest = _manifest(rig)
    ref = dict(await rig.cloud.open(manifest, {}))
    for medium, content in zip(manifest.media[:2], CONTENT[:2], strict=True):
        await _send(rig, manifest, medium, content, ref)
    await rig.cloud.target(manifest, manifest.media[2], ref)

    with pytest.raises(CloudError):
        await rig.cloud.complete(manifest, ref)


async def check_what_is_not_taken(rig: Rig) -> None:
    """A recording with a medium that the API has no place for is refused before any call."""
    if rig.untaken is None:
        manifest = manifest_of(*CONTENT, types=("audio/opus", "image/jpeg", "video/mp4"))
        ref = dict(await rig.cloud.open(manifest, {}))
        assert all([await rig.cloud.target(manifest, medium, ref) for medium in manifest.media])
        return
    before = rig.calls()
    manifest = manifest_of(*CONTENT, types=(*rig.types[:2], rig.untaken))

    with pytest.raises(CloudRejected):
        await rig.cloud.open(manifest, {})
    assert before == rig.calls()


async def check_a_revoked_token(rig: Rig) -> None:
    """A token that is no good is named, by the first call that is made."""
    rig.revoke()
    manifest = _manifest(rig)

    with pytest.raises(TokenRefused):
        await rig.cloud.target(manifest, manifest.media[0], await rig.cloud.open(manifest, {}))


async def check_a_heartbeat(rig: Rig) -> None:
    """A cloud that wants to hear of the box answers with an object; a token is asked for there."""
    report = {"device_state": "idle", "pending_recordings": 0, "flags": 0}
    answer = await rig.cloud.heartbeat(report)
    rig.revoke()

    if answer is None:
        assert await rig.cloud.heartbeat(report) is None
        return
    assert "ok" == answer["status"]
    with pytest.raises(TokenRefused):
        await rig.cloud.heartbeat(report)


async def check_an_order_that_nobody_gave(rig: Rig) -> None:
    """How it ended is told to who wants to know, and no error where nobody does."""
    outcome = {"status": "failed", "error": "no such thing"}
    await rig.cloud.answer_order("cmd_0123456789abcdef0123456789abcdef", outcome)


async def check_the_next_token(rig: Rig) -> None:
    """Where there is one, a repetition with the old one gives the same, or is refused."""
    first = await rig.cloud.next_token()
    if first is None:
        return
    try:
        assert first == await rig.cloud.next_token()
    except TokenRefused:
        assert first


async def check_closing_twice(rig: Rig) -> None:
    """Closing is idempotent."""
    await rig.cloud.aclose()
    await rig.cloud.aclose()


CHECKS = (
    check_a_whole_recording,
    check_open_is_idempotent,
    check_complete_is_idempotent,
    check_a_medium_is_announced_once,
    check_targets_may_be_asked_again,
    check_targets_asked_for_together,
    check_nothing_is_acknowledged_early,
    check_nothing_is_acknowledged_in_part,
    check_what_is_not_taken,
    check_a_revoked_token,
    check_a_heartbeat,
    check_an_order_that_nobody_gave,
    check_the_next_token,
    check_closing_twice,
)
