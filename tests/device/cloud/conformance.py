"""What every Cloud must do, over a server that the caller brings.

A `Rig` opens a cloud on a fresh account and can put bytes where a target says; the checks are
plain coroutines, so that the same ones run over a double and over a real gateway.
"""

from typing import Protocol

import pytest

from device.cloud import Cloud
from device.errors import CloudError, TokenRefused
from device.model import Evidence, Manifest, SealedMedium, Target
from tests.fakes.uploads import manifest_of

CONTENT = (b"the audio of a recording", b"one image", b"another image")


class Rig(Protocol):
    """A cloud under test."""

    cloud: Cloud

    async def put(self, target: Target, content: bytes) -> Evidence: ...

    async def recordings(self) -> int:
        """Count the recordings that the server holds."""
        ...

    def revoke(self) -> None:
        """Make the device's token worthless."""
        ...


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
    manifest = manifest_of(*CONTENT)
    ref = dict(await rig.cloud.open(manifest, {}))
    await _send_all(rig, manifest, ref)

    receipt = await rig.cloud.complete(manifest, ref)

    assert rig.cloud.name == receipt.cloud
    assert 3 == receipt.media
    assert receipt.sha256 in {None, manifest.media[0].sha256}


async def check_open_is_idempotent(rig: Rig) -> None:
    """Opening again, with or without what the first call returned, makes no second recording."""
    manifest = manifest_of(*CONTENT)
    first = dict(await rig.cloud.open(manifest, {}))

    assert first == dict(await rig.cloud.open(manifest, first))
    assert first == dict(await rig.cloud.open(manifest, {}))
    assert 1 == await rig.recordings()


async def check_complete_is_idempotent(rig: Rig) -> None:
    """Completing twice gives the same acknowledgement."""
    manifest = manifest_of(*CONTENT)
    ref = dict(await rig.cloud.open(manifest, {}))
    await _send_all(rig, manifest, ref)

    first = await rig.cloud.complete(manifest, ref)
    again = await rig.cloud.complete(manifest, ref)

    assert first.cloud_recording == again.cloud_recording


async def check_targets_may_be_asked_again(rig: Rig) -> None:
    """A target that was never used does not keep the recording from completing."""
    manifest = manifest_of(*CONTENT)
    ref = dict(await rig.cloud.open(manifest, {}))
    await rig.cloud.target(manifest, manifest.media[0], ref)
    await _send_all(rig, manifest, ref)

    assert await rig.cloud.complete(manifest, ref)


async def check_nothing_is_acknowledged_early(rig: Rig) -> None:
    """Completing without the media never returns a receipt."""
    manifest = manifest_of(*CONTENT)
    ref = dict(await rig.cloud.open(manifest, {}))
    await rig.cloud.target(manifest, manifest.media[0], ref)

    with pytest.raises(CloudError):
        await rig.cloud.complete(manifest, ref)


async def check_a_revoked_token(rig: Rig) -> None:
    """A token that is no good is named, at any step."""
    rig.revoke()

    with pytest.raises(TokenRefused):
        await rig.cloud.open(manifest_of(*CONTENT), {})


async def check_closing_twice(rig: Rig) -> None:
    """Closing is idempotent."""
    await rig.cloud.aclose()
    await rig.cloud.aclose()


CHECKS = (
    check_a_whole_recording,
    check_open_is_idempotent,
    check_complete_is_idempotent,
    check_targets_may_be_asked_again,
    check_nothing_is_acknowledged_early,
    check_a_revoked_token,
    check_closing_twice,
)
