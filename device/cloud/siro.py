"""The Siro cloud: signed URLs on Google's store, then one recording for each audio file."""

from collections.abc import Callable
from urllib.parse import urlsplit

from device.clock import Clock
from device.cloud import CloudRef, MediaPath
from device.cloud.no_box import NoBox
from device.cloud.oauth import AccessTokens
from device.cloud.one_by_one import OneByOne
from device.config import CloudConfig
from device.core import siro_api
from device.core.acknowledged import receipt_of_each
from device.core.admission import admit
from device.core.http_answer import ApiAnswer
from device.core.medium_name import called
from device.errors import MediaMissing
from device.model import Evidence, Manifest, Receipt, SealedMedium, Target
from device.transport import Transport

_SUCCESS = frozenset({200, 201})
_UNAUTHORIZED = 401
_DONE = "siro."
"""Prefix of the keys that hold Siro's name for each medium, once it has acknowledged it."""


class Siro(NoBox, OneByOne):
    """See `Cloud`. A recording of several audio files becomes as many recordings at Siro."""

    name = "siro"

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
        self._user = config.end_user_id
        self._transport = transport
        self._clock = clock
        self._tokens = AccessTokens(
            oauth_url=config.oauth_url, transport=transport, clock=clock, source=token_source
        )
        parts = urlsplit(self._base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"

    async def open(self, manifest: Manifest, ref: CloudRef) -> CloudRef:
        """See `Cloud.open`: nothing is created before its bytes are up."""
        admit(self.name, manifest)
        return ref

    async def target(self, manifest: Manifest, medium: SealedMedium, ref: CloudRef) -> Target:
        """See `Cloud.target`: a place that is never used makes no recording."""
        del manifest, ref
        answer = await self._post("core/recordings/signed-urls", siro_api.intent_body(medium))
        if answer.status not in _SUCCESS:
            siro_api.refuse(answer, doing="get a signed URL")
        return siro_api.parse_target(
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
        """See `Cloud.stored`: makes the recording, once its answer is known.

        A lost answer is repeated with the same `fileUrl`. Siro's pages do not say whether that
        makes a second recording; both then have the same title.
        """
        del evidence
        if (done := f"{_DONE}{medium.index}") in ref:
            return ref
        if siro_api.FILE_URL not in target.ref:
            raise MediaMissing(f"{called(medium)} went to another cloud", refs=(str(medium.index),))
        body = siro_api.registration_body(manifest, medium, target, user=self._user)
        answer = await self._post(self._finalize_path, body)
        if answer.status not in _SUCCESS:
            siro_api.refuse_registration(answer, target)
        return {**ref, done: siro_api.parse_registered(answer)}

    async def complete(self, manifest: Manifest, ref: CloudRef) -> Receipt:
        """See `Cloud.complete`: the receipt is Siro's name for every medium."""
        return receipt_of_each(
            manifest,
            ref,
            cloud=self.name,
            lacking="Siro has made no recording of",
            now=self._clock.now(),
        )

    async def aclose(self) -> None:
        """See `Cloud.aclose`: the transport belongs to the agent, which closes it."""

    async def _post(self, path: str, body: object) -> ApiAnswer:
        token = await self._tokens.current()
        answer = await self._call(path, body, token)
        if answer.status == _UNAUTHORIZED and self._tokens.renewable:
            token = await self._tokens.current(refused=token)
            answer = await self._call(path, body, token)
        return answer

    async def _call(self, path: str, body: object, token: str) -> ApiAnswer:
        url = f"{self._base_url}/{path}"
        return await self._transport.call("POST", url, {"x-siro-auth-token": token}, body)


def open_siro(
    config: CloudConfig,
    transport: Transport,
    clock: Clock,
    token_source: Callable[[], str],
    media_path: MediaPath,
) -> Siro:
    """Open the API; nothing is sent yet. It needs no look at the media."""
    del media_path
    return Siro(config, transport, clock, token_source)
