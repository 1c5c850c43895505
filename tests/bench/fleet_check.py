"""Whether everything that was acknowledged is there, once: by the API, the database, the bucket."""

import asyncio
import json
import random
import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

from tests.bench.fleet_device import MEDIA
from tests.bench.fleet_http import Line
from tests.bench.fleet_sites import Site

_AT_ONCE = 8
_PAGE = 100
_READ_BACK = 100


async def check(site: Site, stored: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Compare the digest of every medium of every recording, and read some media back.

    Returns:
        recordings, media: Found with the digests that were sent.
        lost: Recordings that were acknowledged and are not there, or not whole.
        read_back: Media that were fetched and hashed; all of them right, else `lost` counts them.
    """
    listed = await _listed(site, stored.keys())
    lost = 0
    for recording, digests in stored.items():
        found = listed.get(recording)
        whole = found is not None and found["status"] == "uploaded"
        held = sorted(each["content_sha256"] or "" for each in found["media"]) if found else []
        lost += not whole or held != sorted(digests)
    some = random.Random(1).sample(sorted(stored), min(len(stored), _READ_BACK))
    media = [random.Random(each).choice(listed[each]["media"]) for each in some if each in listed]
    wrong = await _read_back(site, list(zip(some, media, strict=False)))
    return {
        "recordings": len(stored),
        "media": sum(len(digests) for digests in stored.values()),
        "lost": lost + wrong,
        "read_back": len(media),
    }


async def counted(site: Site, stored: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Count what database and bucket hold beyond, or short of, what was acknowledged.

    `told` counts the events that say so: one for each recording.
    """
    assert site.database is not None
    assert site.store is not None
    postgres, name = site.database
    query = (
        "SELECT (SELECT count(*) FROM recordings), (SELECT count(*) FROM media),"
        " (SELECT count(*) FROM events WHERE type = 'recording.uploaded')"
    )
    ((recordings, media, told),) = await asyncio.to_thread(postgres.run, query, name)
    objects = await asyncio.to_thread(_objects, site)
    return {
        "recordings": recordings,
        "media": media,
        "objects": len(objects),
        "told": told,
        "duplicated": max(
            recordings - len(stored),
            media - MEDIA * len(stored),
            len(objects) - MEDIA * len(stored),
        ),
    }


async def _listed(site: Site, wanted: Collection[str]) -> dict[str, Any]:
    """Give recordings by id, newest first, until those wanted are among them."""
    found: dict[str, Any] = {}
    left = set(wanted)
    line = Line()
    offset = 0
    while True:
        page = await asked(line, site, "GET", f"/v1/recordings?limit={_PAGE}&offset={offset}", None)
        found |= {each["id"]: each for each in page["data"]}
        left -= found.keys()
        offset += _PAGE
        if not (left and page["has_more"]):
            line.close()
            return found


async def _read_back(site: Site, media: Sequence[tuple[str, Any]]) -> int:
    """Fetch media; count those with another digest."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def wrong(recording: str, medium: Any) -> bool:
        async with slots:
            line = Line()
            path = f"/v1/recordings/{recording}/download-url"
            where = await asked(line, site, "POST", path, {"media_id": medium["id"]})
            fetched = await line.ask("GET", where["download_url"], {}, b"")
            line.close()
            return sha256(fetched.body).hexdigest() != medium["content_sha256"]

    return sum(await asyncio.gather(*(wrong(*each) for each in media)))


async def asked(line: Line, site: Site, method: str, path: str, body: Any) -> Any:
    """Make one call with the site's key; answers the document."""
    headers = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
    raw = b"" if body is None else json.dumps(body).encode()
    said = await line.ask(method, site.urls[0] + path, headers, raw)
    if said.status >= 300:
        raise RuntimeError(f"{method} {path}: {said.status} {said.body[:300]!r}")
    return json.loads(said.body)


def _objects(site: Site) -> set[str]:
    """List the bucket."""
    assert site.store is not None
    store, prefix = site.store
    found: set[str] = set()
    more: dict[str, str] = {}
    while True:
        status, _, body = store.call("list_objects_v2", Prefix=f"{prefix}/objects/", **more)
        assert status == 200, body
        found |= set(re.findall(r"<Key>([^<]+)</Key>", body.decode()))
        token = re.search(r"<NextContinuationToken>([^<]+)<", body.decode())
        if token is None:
            return found
        more = {"ContinuationToken": token[1]}
