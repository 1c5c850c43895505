"""What a person should know first: sentences that `status` and the control socket begin with."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from device.config import Config, RecorderConfig
from device.config_clouds import clouds
from device.errors import SpoolFull
from device.glance import Glance
from device.model import Condition, LastSeen, RecorderInfo, State, Unreached, Wait
from device.surroundings import Connectivity, NetworkState
from device.words import clock, count, printable, relative, size, span

LOW_BATTERY_PERCENT = 15
FULL_STORAGE_PERCENT = 90
WRONG_CLOCK_S = 60.0
OLD_S = 3600.0
"""What was seen before is told with its age."""
NEEDS_A_PERSON = " needs a person: "
"""In every sentence that names a recording which stays on its recorder."""
MOST_NOTICES = 3
"""So many of a recorder are told one by one: its other warnings are to be seen too."""

_HINTS = {
    "serial": "plug the recorder in and switch it on",
    "folder": "create or mount the folder",
}


def surrounding_warnings(seen: Glance, live: Mapping[str, Any]) -> Iterator[str]:
    """Say what keeps the whole box from its work, as far as the agent could tell."""
    network = live.get("network")
    if isinstance(network, NetworkState):
        yield from _way_out(network, waits=bool(seen.backlog))
    if seen.pid is not None and (hold := seen.hold) is not None and seen.backlog:
        until = f"; goes on {relative(hold.until, seen.now)}" if hold.until else ""
        yield printable(f"all uploads are held: {hold.reason}{until}")
    offline = isinstance(network, NetworkState) and network.kind is None
    if seen.pid is not None and seen.unheard is not None and not _pauses(seen) and not offline:
        # With nothing to send, a refused token or a dead cloud shows here alone.
        yield printable(f"the cloud hears no heartbeat: {seen.unheard}; see: fieldpost doctor")
    offset_s = live.get("clock_offset_s")
    if offset_s is not None and abs(offset_s) > WRONG_CLOCK_S:
        yield f"this box's clock is {clock(offset_s)}; set it (timedatectl), or let NTP do it"


def _way_out(network: NetworkState, *, waits: bool) -> Iterator[str]:
    """Say what is wrong with the way out; a gateway may be on this side of it, so not always."""
    if network.connectivity is Connectivity.PORTAL:
        yield "somebody must sign in on a page before this network lets anything out (portal)"
    elif waits and (network.kind is None or network.connectivity is Connectivity.NONE):
        yield "the box is on no network; check its cable, Wi-Fi, or SIM card"
    elif waits and network.connectivity is Connectivity.LIMITED:
        yield "the network does not reach the internet; check router or mobile plan"


def _pauses(seen: Glance) -> dict[str, Wait]:
    """List what pauses uploads now, by origin."""
    return {o: w for o, w in seen.cooldowns.items() if w.until is None or w.until > seen.now}


def warnings(seen: Glance, config: Config) -> Iterator[str]:
    """Say what a person should know first."""
    pauses = _pauses(seen)
    for origin, wait in sorted(pauses.items()):
        until = f"; next try {relative(wait.until, seen.now)}" if wait.until else ""
        if "://" in origin:
            yield printable(f"uploads to {origin} pause: {wait.reason}{until}")
        else:  # a refused token holds everything up, whatever the origin
            yield printable(
                f"all uploads pause: {wait.reason}; {_remedy(config, wait.reason)}{until}"
            )
    failing = {each.url: each for each in seen.unreached}
    for recorder in config.recorders:
        unreached = failing.get(recorder.url)
        if complaint := _absent(recorder.url):  # as of now, where a visit knew it as of then
            yield printable(f"{recorder.url}: {complaint}")
            unreached = None
        for sentence in _of_recorder(
            recorder, seen.last_seen, unreached, now=seen.now, running=seen.pid is not None
        ):
            yield printable(sentence)
        yield from _left_to_people(seen, recorder.url)
    if quarantined := seen.count(State.QUARANTINED):
        noun = count(quarantined, "recording is", "recordings are")
        yield f"{noun} quarantined; see: fieldpost quarantine ls"
    if seen.free_bytes is not None and seen.free_bytes < config.spool.min_free_bytes:
        yield (
            f"the disk is full ({size(seen.free_bytes)} free, {size(config.spool.min_free_bytes)}"
            " kept free): pulling stops"
        )
    if homeless := sum(e.wait is not None and e.wait.code == SpoolFull.code for e in seen.moving):
        yield (
            f"{count(homeless, 'recording finds', 'recordings find')} no room in the spool;"
            " restore the uplink, or raise [spool] max_bytes"
        )


def _remedy(config: Config, refusal: str) -> str:
    """Say which file a refused credential is in; of two clouds the refusal begins with the name."""
    every = [cloud for _, cloud in clouds(config)]
    named = [cloud for cloud in every if refusal.startswith(f"{cloud.api}: ")]
    return f"the token file is {' or '.join(str(each.token_file) for each in named or every)}"


def _absent(url: str) -> str | None:
    """Say that a port or folder is not there now; whoever answers behind it is not asked."""
    parts = urlsplit(url)
    try:
        there = parts.scheme not in _HINTS or os.path.lexists(unquote(parts.path))
    except ValueError:
        return None  # not a path at all: opening it says why
    return None if there else f"not there; {_HINTS[parts.scheme]}"


def _of_recorder(
    recorder: RecorderConfig,
    last_seen: Sequence[LastSeen],
    unreached: Unreached | None,
    *,
    now: datetime,
    running: bool,
) -> Iterator[str]:
    """Say of one configured recorder what a person should know, and what to do about it."""
    heard = [each for each in last_seen if each.url == recorder.url]
    if unreached is not None:
        known = f" ({_newest(heard).info.recorder})" if heard else ""
        remedy = f"; try: {unreached.hint}" if unreached.hint else ""
        since = span((now - unreached.since).total_seconds())
        told = (
            f"not readable for {since}"
            if running
            else f"not readable when the agent last ran, first {since} ago"
        )
        yield f"{recorder.url}{known}: {told}: {unreached.problem}{remedy}"
    for seen in heard:
        age_s = (now - seen.seen_at).total_seconds()
        age = f" (seen {relative(seen.seen_at, now)})" if age_s > OLD_S else ""
        for complaint in _complaints(seen.info, recorder):
            yield f"{seen.info.recorder}: {complaint}{age}"


def _complaints(info: RecorderInfo, recorder: RecorderConfig) -> Iterator[str]:
    battery, used = info.battery_percent, info.used_percent
    low = battery is not None and battery <= LOW_BATTERY_PERCENT
    if (low or Condition.LOW_BATTERY in info.conditions) and not info.charging:
        told = "low" if battery is None else f"at {battery} %"
        yield f"its battery is {told}; charge it"
    full = used is not None and used >= FULL_STORAGE_PERCENT
    if full or Condition.STORAGE_FULL in info.conditions:
        told = "full" if used is None else f"{used} % full"
        remedy = (
            "recordings leave it once the cloud has them"
            if recorder.release == "delete"
            else f"make room on it: with release = {recorder.release} nothing is deleted there"
        )
        yield f"its storage is {told}; {remedy}"
    if Condition.FAULT in info.conditions:
        yield "it reports a fault; switch it off and on, and have it looked at if that stays"
    if info.clock_offset_s is not None and abs(info.clock_offset_s) > WRONG_CLOCK_S:
        yield (
            f"its clock was {clock(info.clock_offset_s)} when it was connected;"
            " check the times of its recordings"
        )
    if info.dropped_recordings:
        many = count(info.dropped_recordings, "recording")
        yield f"it has itself lost, or not taken, {many} since it was made"


def _left_to_people(seen: Glance, url: str) -> Iterator[str]:
    for noticed in (each for each in seen.noticed if each.url == url):
        for each in noticed.notices[:MOST_NOTICES]:
            who = f"{each.recorder}: recording {each.recording}"
            yield printable(f"{who}{NEEDS_A_PERSON}{each.problem}; {each.hint}")
        if (more := noticed.total - MOST_NOTICES) > 0:
            many = count(more, "more recording needs", "more recordings need")
            yield printable(f"{url}: {many} a person; see: fieldpost status --json")


def _newest(heard: Sequence[LastSeen]) -> LastSeen:
    return max(heard, key=lambda each: each.seen_at)
