"""The files of the pages: read once at start, answered from memory, with what browsers obey."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never
from urllib.parse import urlsplit

from aiohttp import web

from gateway.config import GatewayConfig
from gateway.config_objects import GcsConfig, S3Config

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json; charset=utf-8",
}
_INDEX = "index.html"
_NOTHING_ELSE = (
    "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), payment=(), serial=(), "
    "usb=()"
)
_POWERS = {
    "console": f"bluetooth=(), screen-wake-lock=(), {_NOTHING_ELSE}",
    "phone": f"bluetooth=(self), screen-wake-lock=(self), {_NOTHING_ELSE}",
}
_FIXED = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """One file as it is answered."""

    content: bytes = field(repr=False)
    headers: Mapping[str, str]
    tag: str

    def answer(self, request: web.Request) -> web.Response:
        """Answer it, or that the browser's copy is still good."""
        known = request.if_none_match or ()
        headers = {**self.headers, "ETag": f'"{self.tag}"'}
        # A proxy that compresses makes the tag a weak one.
        if any(each.value in (self.tag, "*") for each in known):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.content, headers=headers)


def read_site(config: GatewayConfig, folder: Path = _FOLDER) -> dict[str, PageFile]:
    """Read all files of the pages; answers them by their paths in URLs.

    What is not listed here is not served, whatever a request calls itself.
    """
    site: dict[str, PageFile] = {}
    for area, powers in _POWERS.items():
        headers = {
            **_FIXED,
            "Content-Security-Policy": policy(config),
            "Permissions-Policy": powers,
        }
        if area == "phone":
            # The page is at /phone: without this its worker would watch over /phone/… alone.
            headers["Service-Worker-Allowed"] = "/phone"
        for path in sorted((folder / area).rglob("*")):
            if path.suffix in _TYPES and path.is_file():
                name = path.relative_to(folder / area).as_posix()
                site[f"/{area}/{name}"] = _read(path, headers)
        if (index := site.get(f"/{area}/{_INDEX}")) is not None:
            site |= {f"/{area}": index, f"/{area}/": index}
    if (console := site.get("/console")) is not None:
        site["/"] = console
    return site


def policy(config: GatewayConfig) -> str:
    """Write what pages may load: their own files, and media from where they are kept."""
    media = " ".join(["'self'", *_origins(config)])
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {media} blob: data:",
            f"media-src {media}",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )


def _origins(config: GatewayConfig) -> list[str]:
    """Say where download URLs lead beside the page's own origin."""
    match config.objects:
        case None:
            address = config.public_url
        case S3Config(endpoint=str(endpoint)):
            address = endpoint
        case S3Config(bucket=bucket, region=region):
            address = f"https://{bucket}.s3.{region}.amazonaws.com"
        case GcsConfig(emulator=emulator):
            address = emulator or "https://storage.googleapis.com"
        case _:
            assert_never(config.objects)
    if address is None:
        return []
    parts = urlsplit(address)
    return [f"{parts.scheme}://{parts.netloc}"]


def _read(path: Path, headers: Mapping[str, str]) -> PageFile:
    content = path.read_bytes()
    return PageFile(
        content=content,
        headers={**headers, "Content-Type": _TYPES[path.suffix]},
        tag=hashlib.sha256(content).hexdigest()[:32],
    )
