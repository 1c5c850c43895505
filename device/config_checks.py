"""Say what is wrong with values that have the right type: addresses, ranges, combinations."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl

from device.config import Config, HeartbeatConfig, RecorderConfig, SpoolConfig, UploadConfig
from device.config_clouds import (
    TABLE_OF,
    Complaints,
    cloud_doubts,
    cloud_problems,
    split,
    unknown,
)
from device.config_network import network_problems
from device.config_sending import sending_problems

DRIVERS = ("native", "folder", "bota")
DRIVER_OF_SCHEME = {"serial": "native", "ble": "native", "folder": "folder"}
SCHEMES = {"native": ("serial", "ble"), "folder": ("folder",), "bota": ("ble",)}
LIVE = ("bota",)
"""What is built in. The seams' own tables are above this layer; a test holds them together."""

CHUNK_STEP_BYTES = 262_144
"""Resumable uploads to Google Cloud Storage take chunks in multiples of this."""
MAX_WORKERS = 16
MIN_SEGMENT_S, MAX_SEGMENT_S = 30.0, 86_400.0
MIN_HEARTBEAT_S, MAX_HEARTBEAT_S = 10, 86_400

Where = Callable[[str, str], str]
"""(section, key) → the origin to name in a complaint."""


def problems(config: Config, where: Where, places: tuple[Where, ...]) -> Iterator[str]:
    """Yield a sentence, led by its origin, for every value that cannot be used.

    Args:
        config: Values of the right types.
        where: Origins in the sections.
        places: Origins in each recorder, in the order of `config.recorders`.
    """
    for section, key, complaint in cloud_problems(config):
        yield f"{where(section, key)}: [{TABLE_OF.get(section, section)}] {key} {complaint}"
    for key, complaint in _spool(config.spool):
        yield f"{where('spool', key)}: [spool] {key} {complaint}"
    for key, complaint in _heartbeat(config.heartbeat):
        yield f"{where('heartbeat', key)}: [heartbeat] {key} {complaint}"
    for key, complaint in _upload(config.upload):
        yield f"{where('upload', key)}: [upload] {key} {complaint}"
    for section, key, complaint in sending_problems(config):
        yield f"{where(section, key)}: [{section}] {key} {complaint}"
    for key, complaint in network_problems(config.network):
        yield f"{where('network', key)}: [network] {key} {complaint}"
    seen: dict[str, str] = {}
    for recorder, place in zip(config.recorders, places, strict=True):
        for key, complaint in _recorder(recorder):
            yield f"{place('recorders', key)}: [[recorders]] {key} {complaint}"
        origin = place("recorders", "url")
        first = seen.setdefault(recorder.url, origin)
        if first != origin:
            yield f"{origin}: [[recorders]] url is the same recorder as in {first}"


def warnings(config: Config, where: Where, places: tuple[Where, ...]) -> Iterator[str]:
    """Yield a sentence for every value that works and is probably not meant."""
    for section, key, doubt in cloud_doubts(config):
        yield f"{where(section, key)}: [{TABLE_OF.get(section, section)}] {key} {doubt}"
    for recorder, place in zip(config.recorders, places, strict=True):
        if re.match(r"serial:///dev/tty(ACM|USB)\d", recorder.url):
            origin = place("recorders", "url")
            yield (
                f"{origin}: [[recorders]] url names a port whose number changes when it is"
                " plugged in again; use its name in /dev/serial/by-id"
            )


def _spool(spool: SpoolConfig) -> Complaints:
    if not spool.path.is_absolute():
        yield "path", "must be an absolute path"
    if spool.max_bytes < 0:
        yield "max_bytes", f"is {spool.max_bytes}; it must be 0 (the disk's size) or more"
    if spool.min_free_bytes < 0:
        yield "min_free_bytes", f"is {spool.min_free_bytes}; it must be 0 or more"


def _heartbeat(heartbeat: HeartbeatConfig) -> Complaints:
    every_s = heartbeat.every_s
    if every_s and not MIN_HEARTBEAT_S <= every_s <= MAX_HEARTBEAT_S:
        least, most = MIN_HEARTBEAT_S, MAX_HEARTBEAT_S
        yield "every_s", f"is {every_s}; it must be from {least} to {most} seconds, or 0 for never"


def _upload(upload: UploadConfig) -> Complaints:
    if upload.chunk_bytes <= 0 or upload.chunk_bytes % CHUNK_STEP_BYTES:
        steps = max(1, round(upload.chunk_bytes / CHUNK_STEP_BYTES))
        yield (
            "chunk_bytes",
            (
                f"is {upload.chunk_bytes}; it must be a multiple of {CHUNK_STEP_BYTES}:"
                f" write {steps * CHUNK_STEP_BYTES}"
            ),
        )
    if not 1 <= upload.workers <= MAX_WORKERS:
        yield "workers", f"is {upload.workers}; it must be from 1 to {MAX_WORKERS}"
    if upload.segment not in {"auto", "off"} and not (
        MIN_SEGMENT_S <= (upload.segment_s or 0.0) <= MAX_SEGMENT_S
    ):
        yield (
            "segment",
            f'is "{upload.segment}"; it must be auto, off or a duration from 30s to 24h: 10m',
        )


def _recorder(recorder: RecorderConfig) -> Complaints:
    url = split(recorder.url)
    scheme = url.scheme if url else ""
    if recorder.driver is None and scheme not in DRIVER_OF_SCHEME:
        yield "url", f'is "{recorder.url}"; it must begin with serial:///, ble:// or folder:///'
    elif recorder.driver and (complaint := unknown("drivers", DRIVERS, recorder.driver)):
        yield "driver", complaint
    driver = recorder.driver or DRIVER_OF_SCHEME.get(scheme)
    if driver in DRIVERS and scheme in DRIVER_OF_SCHEME and scheme not in SCHEMES[driver]:
        yield "driver", f'is "{driver}", which does not work over {scheme}://'
    if url and scheme in DRIVER_OF_SCHEME:
        yield from (("url", complaint) for complaint in _place(url))
    yield from (("release", complaint) for complaint in _release(recorder.release, driver))
    if recorder.live and driver in DRIVERS and driver not in LIVE:
        yield (
            "live",
            f"is for driver bota alone; {driver} recordings are pulled when they are finished",
        )


def _place(url: SplitResult) -> Iterator[str]:
    """Check the rest of a URL whose scheme is known."""
    if url.scheme == "ble":
        yield from _device(url)
        return
    if url.netloc or len(url.path) < 2 or not url.path.startswith("/"):  # noqa: PLR2004 - "/" and a name
        yield f"needs three slashes and an absolute path: {url.scheme}:///…"
    known = {"baud"} if url.scheme == "serial" else set()
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        if name not in known:
            yield f"has an option {name!r} that {url.scheme}:// does not know"
        elif not (value.isascii() and value.isdigit() and int(value) > 0):
            yield f"has baud={value!r}; it must be a number such as 921600"
    if url.fragment:
        yield "must not hold a #; write %23 if it is part of the path"


def _device(url: SplitResult) -> Iterator[str]:
    """Check the rest of a ble:// URL."""
    if not url.netloc or url.path not in {"", "/"} or url.fragment:
        yield "needs the recorder's address or name and nothing else: ble://C0:FF:EE:00:00:01"
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        if name != "adapter":
            yield f"has an option {name!r} that ble:// does not know"
        elif not re.fullmatch(r"[A-Za-z0-9]+", value):
            yield f"has adapter={value!r}; it must be a name such as hci0"


def _release(release: str, driver: str | None) -> Iterator[str]:
    policy, colon, path = release.partition(":")
    if not colon and policy in {"delete", "keep"}:
        return
    if policy != "archive" or not colon:
        yield f'is "{release}"; it must be delete, keep or archive:/path'
    elif driver in {"native", "bota"}:
        yield "archive: is for folders only; a recorder on a line can delete or keep"
    elif not Path(path).is_absolute():
        yield "archive: needs an absolute path: archive:/path"
