"""A simulated device: what an agent says to a gateway for one recording after the other.

Create, upload URLs in one batch, PUT each medium, upload-complete; a heartbeat before each. What
fails is tried again as an agent does, with growing pauses, through whichever gateway is next.
"""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.bench.fleet_http import Line, Lost, Said

IMAGES = 10
MEDIA = IMAGES + 1
_AUDIO_BYTES = 200_000
_IMAGE_BYTES = (20_000, 60_000)
_TRIES = 40
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 8.0
_SLOW = {425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of a medium."""

    type: str
    content_type: str
    body: bytes
    sha256: str


def contents(seed: int) -> tuple[list[Content], list[Content]]:
    """Make audios and images for all devices to choose from."""
    random_ = random.Random(seed)

    def made(kind: str, content_type: str, size: int) -> Content:
        body = random_.randbytes(size)
        return Content(kind, content_type, body, sha256(body).hexdigest())

    audios = [made("audio", "audio/opus", _AUDIO_BYTES) for _ in range(16)]
    images = [made("image", "image/jpeg", random_.randint(*_IMAGE_BYTES)) for _ in range(128)]
    return audios, images


@dataclass
class Seen:
    """What all devices of a stage saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By call, of those that succeeded."""
    wrong: Counter[str] = field(default_factory=Counter)
    """What went wrong, and how often."""
    stored: dict[str, list[str]] = field(default_factory=dict)
    """By id of a recording that was acknowledged, the digests of its media."""
    begun: int = 0
    last_s: float = 0.0

    @property
    def retried(self) -> int:
        """How many calls had to be made again."""
        return self.wrong.total()


class Device:
    """One device.

    Args:
        name: Part of its Idempotency-Keys.
        token: Its own.
        urls: Of the gateways, without `/v1`; asked in turn.
        bodies: See `contents`.
        seed: Of its choices and rests.
    """

    def __init__(
        self,
        name: str,
        token: str,
        urls: Sequence[str],
        bodies: tuple[list[Content], list[Content]],
        seed: int,
    ) -> None:
        self._name = name
        self._auth = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._urls = urls
        self._turn = seed
        self._audios, self._images = bodies
        self._random = random.Random(seed)
        self._line = Line()

    async def live(self, seen: Seen, until_s: float, rest_s: float) -> None:
        """Make recordings until a moment of `time.monotonic`; the last one is finished.

        Args:
            seen: Where to note what happens.
            until_s: No recording begins after it.
            rest_s: Pause between two, on average.
        """
        try:
            await asyncio.sleep(self._random.uniform(0, rest_s))
            number = 0
            while time.monotonic() < until_s:
                seen.begun += 1
                await self._record(seen, f"{self._name}-{number}")
                number += 1
                await asyncio.sleep(self._random.uniform(0.5, 1.5) * rest_s)
        finally:
            self._line.close()

    async def _record(self, seen: Seen, key: str) -> None:
        await self._call(seen, "heartbeat", "/devices/me/heartbeat", {"battery_percent": 81})
        media = [self._random.choice(self._audios), *self._random.sample(self._images, IMAGES)]
        created = await self._call(seen, "create", "/recordings", {"metadata": {"ref": key}}, key)
        recording = created["id"]
        asked = {
            "media": [
                {
                    "type": each.type,
                    "content_type": each.content_type,
                    "file_size_bytes": len(each.body),
                    "idempotency_key": f"{key}-{number}",
                    "sha256": each.sha256,
                }
                for number, each in enumerate(media)
            ]
        }
        path = f"/recordings/{recording}/upload-urls"
        targets = (await self._call(seen, "upload-urls", path, asked))["media"]
        for number, content in enumerate(media):
            await self._put(seen, content, path, asked["media"][number], targets[number])
        done = {"content_sha256": media[0].sha256}
        await self._call(seen, "complete", f"/recordings/{recording}/upload-complete", done)
        seen.stored[recording] = [each.sha256 for each in media]
        seen.last_s = time.monotonic()

    async def _put(
        self, seen: Seen, content: Content, path: str, asked: Any, target: Mapping[str, Any]
    ) -> None:
        size = len(content.body)
        pauses = self._pauses()
        while True:
            headers = dict(target["headers"])
            if target["upload_protocol"] == "chunked_put":
                headers["Content-Range"] = f"bytes 0-{size - 1}/{size}"
            status = await self._timed(
                seen,
                "put",
                lambda target=target, headers=headers: self._line.ask(
                    "PUT", target["upload_url"], headers, content.body
                ),
            )
            # 412: the store has the object already, the answer to an earlier PUT was lost.
            if status is not None and (status.status < 300 or status.status == 412):
                return
            await asyncio.sleep(next(pauses))
            again = await self._call(seen, "upload-urls", path, {"media": [asked]})
            target = again["media"][0]

    async def _call(
        self, seen: Seen, what: str, path: str, body: Any, key: str | None = None
    ) -> Any:
        headers = self._auth if key is None else {**self._auth, "Idempotency-Key": key}
        raw = json.dumps(body).encode()
        pauses = self._pauses()
        while True:
            self._turn += 1
            url = f"{self._urls[self._turn % len(self._urls)]}/v1{path}"
            said = await self._timed(
                seen, what, lambda url=url: self._line.ask("POST", url, headers, raw)
            )
            if said is not None and said.status < 300:
                return json.loads(said.body)
            if said is not None and said.status not in _SLOW:
                raise RuntimeError(f"{what}: {said.status} {said.body[:300]!r}")
            asked_s = float(said.headers.get("retry-after", "0")) if said is not None else 0.0
            await asyncio.sleep(max(asked_s, next(pauses)))

    async def _timed(self, seen: Seen, what: str, ask: Callable[[], Any]) -> Said | None:
        begun_s = time.perf_counter()
        try:
            said: Said = await ask()
        except Lost as error:
            seen.wrong[f"{what}: {error}"] += 1
            return None
        if said.status < 300:
            seen.seconds[what].append(time.perf_counter() - begun_s)
        else:
            problem = json.loads(said.body) if said.body[:1] == b"{" else {}
            reason = problem.get("detail", f"{said.body[:100]!r}")
            seen.wrong[f"{what}: {said.status} {reason}"] += 1
        return said

    def _pauses(self) -> Any:
        """Pauses with full jitter; ends where an agent would call a technician."""
        most_s = _FIRST_PAUSE_S
        for _ in range(_TRIES):
            yield self._random.uniform(0, most_s)
            most_s = min(_LAST_PAUSE_S, 2 * most_s)
        raise RuntimeError("gave up")
