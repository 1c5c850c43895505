"""Two clouds as one: images go to the second, everything else to the first."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from device.clock import Clock
from device.cloud import Cloud, CloudRef
from device.cloud.one_by_one import OneByOne
from device.core.admission import admit
from device.core.anew import AGAIN
from device.core.medium_name import called
from device.errors import CloudError, MediaMissing
from device.model import Evidence, Manifest, MediaKind, Receipt, SealedMedium, Target

_MAIN, _IMAGES = "", "images."
"""Prefixes of what each cloud keeps in the one reference of a recording.

The first has none: what it has acknowledged stays known when [cloud.images] is added later.
"""

_WHOLE_PART = {_MAIN: "part:main", _IMAGES: "part:images"}
"""What stands for all media of a part, where a cloud names none."""

_AT = "at"
"""Key of where a part is: what a cloud said at another address counts at this one for nothing."""


class Split(OneByOne):
    """See `Cloud`. A recording is stored when every cloud that got a part of it says so.

    A cloud that gets no part is not called. Each keeps its own names and acknowledgements,
    so what one has is never lost to a failure of the other. To the dispatcher they are
    one way up: a pause that either asks for, or a refused token of either, holds back both.
    """

    def __init__(self, main: Cloud, images: Cloud, clock: Clock) -> None:
        self._main = main
        self._images = images
        self._clock = clock
        self.name = f"{main.name}+{images.name}"
        self.origin = main.origin

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: what either cannot take is refused before the other hears of it."""
        parts = self._parts(manifest)
        for cloud, _, part in parts:
            admit(cloud.name, part)
        for cloud, prefix, part in parts:
            own = _own(ref, prefix)
            if own.get(_AT, cloud.origin) != cloud.origin:
                own = {}
            with _named(cloud, prefix):
                known = await cloud.open(part, own)
            ref = _merged(ref, prefix, {**known, _AT: cloud.origin})
        return ref

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`; the cloud's name for the medium carries its prefix too."""
        cloud, prefix, part = self._part_of(manifest, medium)
        with _named(cloud, prefix):
            target = await cloud.target(part, medium, _own(ref, prefix))
        named = {"part": _WHOLE_PART[prefix], _AT: cloud.origin}
        if (media_id := target.ref.get("media_id")) is not None:
            named["media_id"] = f"{prefix}{media_id}"
        return replace(target, ref={**target.ref, **named})

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`."""
        cloud, prefix, part = self._part_of(manifest, medium)
        if target.ref.get(_AT, cloud.origin) != cloud.origin:
            raise MediaMissing(
                f"{cloud.name}: {called(medium)} went elsewhere", refs=(_WHOLE_PART[prefix],)
            )
        media_id = target.ref.get("media_id")
        if media_id is not None:
            own = {**target.ref, "media_id": media_id.removeprefix(prefix)}
            target = replace(target, ref=own)
        with _named(cloud, prefix):
            known = await cloud.stored(part, medium, target, evidence, _own(ref, prefix))
        return _merged(ref, prefix, known)

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: the receipt names both recordings, and the first one's digest."""
        receipts = []
        for cloud, prefix, part in self._parts(manifest):
            with _named(cloud, prefix):
                receipts.append(await cloud.complete(part, _own(ref, prefix)))
        return Receipt(
            cloud="+".join(receipt.cloud for receipt in receipts),
            cloud_recording="+".join(receipt.cloud_recording for receipt in receipts),
            acknowledged_at=self._clock.now(),
            sha256=receipts[0].sha256,
            media=sum(receipt.media for receipt in receipts),
        )

    async def heartbeat(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Cloud.heartbeat`: the first cloud is the box's own."""
        with _named(self._main, _MAIN):
            return await self._main.heartbeat(report)

    async def answer_order(self, order: str, outcome: Mapping[str, Any]) -> None:
        """See `Cloud.answer_order`."""
        with _named(self._main, _MAIN):
            await self._main.answer_order(order, outcome)

    async def next_token(self) -> str | None:
        """See `Cloud.next_token`."""
        with _named(self._main, _MAIN):
            return await self._main.next_token()

    async def aclose(self) -> None:
        """See `Cloud.aclose`."""
        await self._main.aclose()
        await self._images.aclose()

    def _parts(self, manifest: Manifest) -> list[tuple[Cloud, str, Manifest]]:
        """Return each cloud that gets a part of a recording, its prefix, and that part."""
        images = tuple(m for m in manifest.media if m.kind is MediaKind.IMAGE)
        others = tuple(m for m in manifest.media if m.kind is not MediaKind.IMAGE)
        shares = ((self._main, _MAIN, others), (self._images, _IMAGES, images))
        return [
            (cloud, prefix, replace(manifest, media=media))
            for cloud, prefix, media in shares
            if media
        ]

    def _part_of(self, manifest: Manifest, medium: SealedMedium) -> tuple[Cloud, str, Manifest]:
        return next(
            (cloud, prefix, part)
            for cloud, prefix, part in self._parts(manifest)
            if medium in part.media
        )


@contextmanager
def _named(cloud: Cloud, prefix: str) -> Iterator[None]:
    """Let an error say which of the two clouds it is about, and a missing medium whose it is.

    A cloud that names no missing media means all of its part.
    """
    try:
        yield
    except MediaMissing as missing:
        refs = tuple(f"{prefix}{ref}" for ref in missing.refs) or (_WHOLE_PART[prefix],)
        raise MediaMissing(f"{cloud.name}: {missing}", refs=refs) from missing
    except CloudError as error:
        error.args = (f"{cloud.name}: {error}",)
        raise


def _own(ref: CloudRef, prefix: str) -> dict[str, str]:
    own = {key.removeprefix(prefix): ref[key] for key in ref if _owner(key) == prefix}
    return {**own, AGAIN: ref[AGAIN]} if AGAIN in ref else own  # a person meant both


def _merged(ref: CloudRef, prefix: str, own: CloudRef) -> dict[str, str]:
    others = {key: value for key, value in ref.items() if _owner(key) != prefix}
    return {**others, **{f"{prefix}{key}": value for key, value in own.items()}}


def _owner(key: str) -> str:
    return _IMAGES if key.startswith(_IMAGES) else _MAIN
