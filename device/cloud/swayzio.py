"""The Swayzio cloud: an upload intent for each audio file, one PUT, then finalize makes a track."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import quote, urlsplit

from device.clock import Clock
from device.cloud import CloudRef, MediaPath
from device.cloud.no_box import NoBox
from device.cloud.one_by_one import OneByOne
from device.config import CloudConfig
from device.core import swayzio_api
from device.core.acknowledged import receipt_of_each
from device.core.admission import admit
from device.core.api_words import usable_token
from device.core.http_answer import ApiAnswer
from device.core.medium_name import called
from device.core.swayzio_names import check_names
from device.core.waveform import Sound
from device.errors import CloudError, MediaMissing, SpoolError
from device.hearing import hear
from device.model import EntryId, Evidence, Manifest, Receipt, SealedMedium, Target
from device.transport import Transport

logger = logging.getLogger(__name__)

_OK, _CREATED = 200, 201
_STATUS_S = 10.0
_UNSAID_LIFE_S = 900.0
"""How long an upload URL is taken to live whose end nobody could tell."""
_LONGEST_LIFE_S = 3600.0
"""A URL that is refused may die long before its time: by then an empty track is the lesser evil."""
_HEARD_AT_ONCE = 16
_DONE = "swayzio."
"""Prefix of the keys that hold the track of each medium, once Swayzio has acknowledged it."""

_Which = tuple[EntryId, int, str]
"""Entry, index and digest: a part takes the index of the medium that it was cut from."""


class Swayzio(NoBox, OneByOne):
    """See `Cloud`. A recording of several audio files becomes as many tracks.

    An intent allocates a track, so none is begun while the last one's URL lives: it is kept with
    the upload session, and here. What cannot be excluded is a track that stays empty, when the
    answer to an intent is lost or an URL expires unused: no call finds it again or takes it back.
    """

    name = "swayzio"

    def __init__(
        self,
        config: CloudConfig,
        transport: Transport,
        clock: Clock,
        token_source: Callable[[], str],
        media_path: MediaPath,
    ) -> None:
        self._base_url = config.base_url.rstrip("/")
        self._allow_http = config.allow_http
        self._transport = transport
        self._clock = clock
        self._token_source = token_source
        self._media_path = media_path
        self._alive: dict[_Which, tuple[Target, float]] = {}
        """Intents that are not finalized yet, and the monotonic time at which their URL dies."""
        self._heard: dict[_Which, Sound | None] = {}
        parts = urlsplit(self._base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: nothing is created before it is known where its bytes go."""
        admit(self.name, manifest)
        check_names(manifest)
        return ref

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`: the same intent again as long as its URL lives."""
        del ref
        now_s = self._clock.monotonic()
        self._alive = {k: (t, end_s) for k, (t, end_s) in self._alive.items() if now_s < end_s}
        which = (manifest.key.entry_id(), medium.index, medium.sha256)
        if which in self._alive:
            return self._alive[which][0]
        answer = await self._call(
            "POST", f"{self._base_url}/uploads", swayzio_api.intent_body(medium)
        )
        if answer.status not in {_OK, _CREATED}:
            swayzio_api.refuse_intent(answer)
        target = swayzio_api.parse_target(
            answer, medium, base_url=f"{self._base_url}/", allow_http=self._allow_http
        )
        life_s = _UNSAID_LIFE_S if target.expires_in_s is None else target.expires_in_s
        self._alive[which] = target, self._clock.monotonic() + min(life_s, _LONGEST_LIFE_S)
        return target

    async def stored(
        self,
        manifest: Manifest,
        medium: SealedMedium,
        target: Target,
        evidence: Evidence,
        ref: CloudRef,
    ) -> CloudRef:
        """See `Cloud.stored`: finalizes, which is repeatable, and asks once how it goes on."""
        del evidence
        if (done := f"{_DONE}{medium.index}") in ref:
            return ref
        if swayzio_api.UPLOAD_ID not in target.ref:
            raise MediaMissing(f"{called(medium)} went to another cloud", refs=(str(medium.index),))
        which = (manifest.key.entry_id(), medium.index, medium.sha256)
        if which not in self._heard:
            # A refused finalize is repeated without decoding again, for the last few at least.
            kept = list(self._heard.items())[-_HEARD_AT_ONCE:]
            self._heard = {**dict(kept), which: await self._listen(which)}
        body = swayzio_api.finalize_body(manifest, target, self._heard[which])
        url = swayzio_api.finalize_url(target, base_url=self._base_url)
        answer = await self._call("POST", url, body)
        try:
            if answer.status != _OK:
                swayzio_api.refuse_finalize(answer, target)
            track = swayzio_api.parse_finalized(answer, target)
        except MediaMissing:
            self._alive.pop(which, None)
            raise
        self._alive.pop(which, None)
        self._heard.pop(which, None)
        await self._tell_progress(track)
        return {**ref, done: track}

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: the receipt is the track of every audio file."""
        return receipt_of_each(
            manifest,
            ref,
            cloud=self.name,
            lacking="Swayzio has not finalized",
            now=self._clock.now(),
        )

    async def aclose(self) -> None:
        """See `Cloud.aclose`: the transport belongs to the agent, which closes it."""

    async def _listen(self, which: _Which) -> Sound | None:
        entry, index, _ = which
        try:
            path = await asyncio.to_thread(self._media_path, entry, index)
        except SpoolError:
            return None
        return await hear(path)

    async def _tell_progress(self, track: str) -> None:
        """Say how the processing of a track begins. For information: no answer is as good."""
        url = f"{self._base_url}/tracks/{quote(track, safe='')}/processing-status"
        try:
            async with asyncio.timeout(_STATUS_S):
                answer = await self._call("GET", url, None)
        except (CloudError, TimeoutError) as error:
            logger.debug("No word on a track", extra={"track": track, "reason": str(error)})
            return
        words = swayzio_api.processing_words(answer)
        logger.info("Track is being processed", extra={"track": track, "processing": words})

    async def _call(self, method: str, url: str, body: object | None) -> ApiAnswer:
        token = usable_token(await asyncio.to_thread(self._token_source))
        return await self._transport.call(method, url, {"Authorization": f"Bearer {token}"}, body)


def open_swayzio(
    config: CloudConfig,
    transport: Transport,
    clock: Clock,
    token_source: Callable[[], str],
    media_path: MediaPath,
) -> Swayzio:
    """Open the API; nothing is sent yet."""
    return Swayzio(config, transport, clock, token_source, media_path)
