"""The Sivi cloud: a presigned URL for each image, then a media record of it. Images only."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from device.clock import Clock
from device.cloud import CloudRef, MediaPath
from device.cloud.no_box import NoBox
from device.cloud.one_by_one import OneByOne
from device.config import CloudConfig
from device.core import sivi_api
from device.core.acknowledged import receipt_of_each
from device.core.admission import admit
from device.core.api_words import usable_token
from device.core.http_answer import ApiAnswer
from device.core.medium_name import called
from device.errors import MediaMissing
from device.model import Evidence, Manifest, Receipt, SealedMedium, Target
from device.transport import Transport

_DONE = "sivi."
"""Prefix of the keys that hold Sivi's name for each image, once it has acknowledged it."""


class Sivi(NoBox, OneByOne):
    """See `Cloud`. A receipt means that Sivi has made a media record of every image.

    Whatever was acknowledged is kept in the reference and never announced again. What cannot be
    excluded: when the answer to a media create is lost, nobody can ask whether it was carried out,
    so it is repeated with the same URL, and Sivi's page does not say whether that makes a second
    record of the one file. A duplicate is chosen over a loss.
    """

    name = "sivi"

    def __init__(
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token_source: Callable[[], str],
    ) -> None:
        self._base_url = config.base_url.rstrip("/")
        self._allow_http = config.allow_http
        self._finalize_path = config.finalize_path.lstrip("/")
        self._life_s = config.url_life_s
        self._transport = transport
        self._clock = clock
        self._token_source = token_source
        parts = urlsplit(self._base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: nothing is created before its bytes are up."""
        admit(self.name, manifest)
        return ref

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`: a place that is never used makes no media record."""
        del manifest, ref
        body = sivi_api.intent_body(medium, life_s=self._life_s)
        answer = await self._post("files/get-presigned-url", body)
        return sivi_api.parse_target(
            answer, medium, base_url=f"{self._base_url}/", allow_http=self._allow_http
        )

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`: makes the media record, once its answer is known."""
        del manifest, evidence
        if (done := f"{_DONE}{medium.index}") in ref:
            return ref
        if sivi_api.UPLOAD_URL not in target.ref:
            raise MediaMissing(f"{called(medium)} went to another cloud", refs=(str(medium.index),))
        body = sivi_api.registration_body(target)
        answer = await self._post(self._finalize_path, body)
        return {**ref, done: sivi_api.parse_registered(answer, target)}

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: the receipt is Sivi's name for every image."""
        return receipt_of_each(
            manifest,
            ref,
            cloud=self.name,
            lacking="Sivi has made no media record of",
            now=self._clock.now(),
        )

    async def aclose(self) -> None:
        """See `Cloud.aclose`: the transport belongs to the agent, which closes it."""

    async def _post(self, path: str, body: object) -> ApiAnswer:
        token = usable_token(await asyncio.to_thread(self._token_source))
        url = f"{self._base_url}/{path}"
        return await self._transport.call("POST", url, {"sivi-api-key": token}, body)


def open_sivi(
    config: CloudConfig,
    transport: Transport,
    clock: Clock,
    token_source: Callable[[], str],
    media_path: MediaPath,
) -> Sivi:
    """Open the API; nothing is sent yet."""
    del media_path  # Sivi is told nothing of what is in an image
    return Sivi(config, transport, clock, token_source)
