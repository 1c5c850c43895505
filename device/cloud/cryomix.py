"""The Cryo-Mix cloud: a signed URL for each audio file, and the store's word that it arrived."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from device.clock import Clock
from device.cloud import CloudRef, MediaPath
from device.cloud.no_box import NoBox
from device.cloud.one_by_one import OneByOne
from device.config import CloudConfig
from device.core import cryomix_api
from device.core.acknowledged import receipt_of_each
from device.core.admission import admit
from device.core.api_words import usable_token
from device.core.medium_name import called
from device.errors import CloudConflict, MediaMissing
from device.model import Evidence, Manifest, Receipt, SealedMedium, Target
from device.transport import Transport

_OK = 200
_SOURCE = "Mastering API"
_SESSION, _DONE = "session.", "cryomix."
"""Prefixes of what is kept for each medium: its Session-Id, and its folder once it is proven."""


class Cryomix(NoBox, OneByOne):
    """See `Cloud`. There is no call that acknowledges an upload, so the store must.

    A bare 2xx from a PUT is no receipt. Here one is made only when the store named, for every
    medium, the digest of the object it made, and each is the digest that was sealed.
    """

    name = "cryomix"

    def __init__(
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token_source: Callable[[], str],
    ) -> None:
        self._base_url = config.base_url.rstrip("/")
        self._allow_http = config.allow_http
        self._life_s = config.url_life_s
        self._transport = transport
        self._clock = clock
        self._token_source = token_source
        parts = urlsplit(self._base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: mints the Session-Id of every medium, for whoever looks for them."""
        admit(self.name, manifest)
        entry = manifest.key.entry_id()
        sessions = {
            f"{_SESSION}{m.index}": cryomix_api.session_id(entry, m) for m in manifest.media
        }
        return {**ref, **sessions}

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`: a repeated call has the same Session-Id and the same file name."""
        name = cryomix_api.object_name(manifest.key.entry_id(), medium)
        if (session := ref.get(f"{_SESSION}{medium.index}")) is None:
            raise CloudConflict("the medium has no Session-Id: the recording was never opened")
        answer = await self._transport.call(
            "POST",
            f"{self._base_url}/signed-url/multi-upload",
            {
                "X-Api-Key": usable_token(await asyncio.to_thread(self._token_source)),
                "Session-Id": session,
                "Source": _SOURCE,
            },
            cryomix_api.intent_body(name, medium, life_s=self._life_s),
        )
        if answer.status != _OK:
            cryomix_api.refuse(answer, doing="get a signed URL")
        return cryomix_api.parse_target(
            answer,
            name,
            medium,
            life_s=self._life_s,
            base_url=f"{self._base_url}/",
            allow_http=self._allow_http,
        )

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`: nobody is told; the store's evidence is judged and kept.

        Raises:
            CloudConflict: The store did not name the digest of what it holds.
        """
        del manifest
        if cryomix_api.FOLDER not in target.ref:
            raise MediaMissing(f"{called(medium)} went to another cloud", refs=(str(medium.index),))
        if not cryomix_api.proves(evidence, medium):
            raise CloudConflict(
                f"the store does not say what it holds of {called(medium)}, and Cryo-Mix has"
                " no call that does"
            )
        return {**ref, f"{_DONE}{medium.index}": target.ref[cryomix_api.FOLDER]}

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: only what was proven of every medium makes a receipt."""
        return receipt_of_each(
            manifest,
            ref,
            cloud=self.name,
            lacking="the store has not proven",
            now=self._clock.now(),
        )

    async def aclose(self) -> None:
        """See `Cloud.aclose`: the transport belongs to the agent, which closes it."""


def open_cryomix(
    config: CloudConfig,
    transport: Transport,
    clock: Clock,
    token_source: Callable[[], str],
    media_path: MediaPath,
) -> Cryomix:
    """Open the API; nothing is sent yet. It needs no look at the media."""
    del media_path
    return Cryomix(config, transport, clock, token_source)
