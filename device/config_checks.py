"""Say what is wrong with values that have the right type: addresses, ranges, combinations."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from device.config import CloudConfig, Config, RecorderConfig, SpoolConfig, UploadConfig

CLOUDS = ("bota",)
DRIVERS = ("native", "folder", "bota")
DRIVER_OF_SCHEME = {"serial": "native", "ble": "native", "folder": "folder"}
SCHEMES = {"native": ("serial", "ble"), "folder": ("folder",), "bota": ("ble",)}
LIVE = ("bota",)
"""What is built in. The seams' own tables are above this layer; a test holds them together."""

CHUNK_STEP_BYTES = 262_144
"""Resumable uploads to Google Cloud Storage take chunks in multiples of this."""
MAX_WORKERS = 16

Where = Callable[[str, str], str]
"""(section, key) → the origin to name in a complaint."""


def problems(config: Config, where: Where, places: tuple[Where, ...]) -> Iterator[str]:
    """Yield a sentence, led by its origin, for every value that cannot be used.

    Args:
        config: Values of the right types.
        where: Origins in the sections.
        places: Origins in each recorder, in the order of `config.recorders`.
    """
    for key, complaint in (*_cloud(config.cloud), *_base_url(config.cloud)):
        yield f"{where('cloud', key)}: [cloud] {key} {complaint}"
    for key, complaint in _spool(config.spool):
        yield f"{where('spool', key)}: [spool] {key} {complaint}"
    for key, complaint in _upload(config.upload):
        yield f"{where('upload', key)}: [upload] {key} {complaint}"
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
    if config.cloud.allow_http and urlsplit(config.cloud.base_url).scheme == "http":
        origin = where("cloud", "allow_http")
        yield f"{origin}: [cloud] allow_http lets the device token travel unencrypted"
    for recorder, place in zip(config.recorders, places, strict=True):
        if re.match(r"serial:///dev/tty(ACM|USB)\d", recorder.url):
            origin = place("recorders", "url")
            yield (
                f"{origin}: [[recorders]] url names a port whose number changes when it is"
                " plugged in again; use its name in /dev/serial/by-id"
            )


Complaints = Iterator[tuple[str, str]]


def _cloud(cloud: CloudConfig) -> Complaints:
    if unknown := _unknown("cloud", CLOUDS, cloud.api):
        yield "api", unknown
    if not cloud.token_file.is_absolute():
        yield "token_file", "must be an absolute path"


def _base_url(cloud: CloudConfig) -> Complaints:
    url = _split(cloud.base_url)
    if url is None or not url.hostname:
        yield "base_url", "is not an address such as https://api.bota.dev/v1"
        return
    if url.scheme not in {"https", "http"}:
        yield "base_url", f"must begin with https://, not {url.scheme}://"
    elif url.scheme == "http" and not (cloud.allow_http or _is_loopback(url.hostname)):
        yield (
            "base_url",
            (
                "is plain http:// and not on this machine: the token would travel in clear;"
                " use https://, or set allow_http = true"
            ),
        )
    if "@" in url.netloc:
        yield "base_url", "must not hold a user name or password; the token is in token_file"
    if url.query or url.fragment or cloud.base_url.endswith(("?", "#")):
        yield "base_url", "must end with its path: no ? and no #"
    if not re.search(r"/v\d+[a-z0-9]*/?$", url.path):
        yield "base_url", "must include the API's version, such as /v1"


def _spool(spool: SpoolConfig) -> Complaints:
    if not spool.path.is_absolute():
        yield "path", "must be an absolute path"
    if spool.max_bytes < 0:
        yield "max_bytes", f"is {spool.max_bytes}; it must be 0 (the disk's size) or more"
    if spool.min_free_bytes < 0:
        yield "min_free_bytes", f"is {spool.min_free_bytes}; it must be 0 or more"


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


def _recorder(recorder: RecorderConfig) -> Complaints:
    url = _split(recorder.url)
    scheme = url.scheme if url else ""
    if recorder.driver is None and scheme not in DRIVER_OF_SCHEME:
        yield "url", f'is "{recorder.url}"; it must begin with serial:///, ble:// or folder:///'
    elif recorder.driver and (unknown := _unknown("drivers", DRIVERS, recorder.driver)):
        yield "driver", unknown
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


def _unknown(seam: str, builtin: tuple[str, ...], name: str) -> str | None:
    """Complain about a name that is neither built in nor installed by a third party."""
    if name in builtin:
        return None
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, rarely needed

    installed = entry_points(group=f"fieldpost.{seam}").names
    if name in installed:
        return None
    return f'is "{name}"; there is: {", ".join(sorted({*builtin, *installed}))}'


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        if parts.scheme != "ble":  # whose addresses have colons too
            _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
