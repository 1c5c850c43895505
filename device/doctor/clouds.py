"""Checks of the clouds, each after the one before it: name, TLS, token, clock, a trial upload."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from device.config import CloudConfig
from device.config_clouds import clouds
from device.core.http_answer import server_time
from device.doctor import CONFIG, Check, Scene
from device.errors import TokenRefused
from device.outlet import open_outlet, proxies_of
from device.probe import api, wire
from device.probe.credentials import credential_in_use
from device.probe.trial import TRIAL_BYTES, Trial
from device.transport import Transport
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import clock, count, printable, size, span

WRONG_S = 60.0
"""Beyond this, some stores refuse what is signed, and people look for recordings in vain."""

_SET_CLOCK = (
    "sudo timedatectl set-ntp true; if the network has no time server: timedatectl set-time"
)


def sections(scene: Scene) -> Sequence[str]:
    """List the clouds; the first one goes without a name where it is the only one."""
    found = clouds(scene.config)
    return [""] if len(found) == 1 else [section for section, _ in found]


async def dns(scene: Scene, section: str) -> Finding:
    """Has the name an address?"""
    cloud = _cloud(scene, section)
    proxies = await asyncio.to_thread(proxies_of, scene.config.network, scene.environ)
    hop = wire.hop_of(cloud.base_url, proxies)
    host, port = hop.first
    try:
        found = await wire.resolve(host, port)
    except api.CloudUnreachable as error:
        return failed(
            printable(str(error)),
            f"getent hosts {host}; is the network up? nmcli device status; or set [network] proxy"
            if hop.proxy is None
            else "correct [network] proxy",
        )
    through = f" (the proxy before {hop.host})" if hop.proxy is not None else ""
    return ok(printable(f"{host}{through} has {count(len(found), 'address', 'addresses')}"))


async def tls(scene: Scene, section: str) -> Finding:
    """Does the server prove who it is?"""
    cloud = _cloud(scene, section)
    try:
        return await api.secured(cloud.base_url, scene.config.network, scene.environ, scene.now)
    except api.CloudUnreachable as error:
        proxies = await asyncio.to_thread(proxies_of, scene.config.network, scene.environ)
        behind = wire.hop_of(cloud.base_url, proxies).proxy is not None
        who = "the proxy" if behind else "the server"
        probe = "images" if section == "cloud_images" else "cloud"
        return failed(
            printable(f"{who} cannot be reached: {error}"),
            f"does it run, and is the port right? fieldpost probe {probe}",
        )


async def auth(scene: Scene, section: str) -> Finding:
    """Does it take our token?"""
    cloud = _cloud(scene, section)
    try:
        token = await asyncio.to_thread(_token, scene, section)
    except TokenRefused as error:
        if isinstance(error.__cause__, PermissionError):
            return _by_agent(scene)
        return failed(
            printable(str(error)),
            f"get a token for this device and put it into {cloud.token_file}, mode 0600",
        )
    if cloud.api != "bota":
        return skipped(f"{cloud.api} has no call that only asks whether the credential is good")
    async with _transport(scene) as transport:
        return await api.admitted(cloud, token, transport)


async def skew(scene: Scene, section: str) -> Finding:
    """Do its clock and ours agree?"""
    cloud = _cloud(scene, section)
    async with _transport(scene) as transport:
        answer = await transport.call("GET", cloud.base_url, {}, None)
    told = server_time(answer.headers)
    if told is None:
        return skipped("the server does not tell the time")
    offset_s = (scene.now - told).total_seconds()
    if abs(offset_s) <= WRONG_S:
        return ok(f"this computer's clock agrees with the server's within {span(WRONG_S)}")
    return warning(
        f"this computer's clock is {clock(offset_s)} of the server's: times of recordings may be"
        " wrong, and certificates look expired",
        _SET_CLOCK,
    )


async def put(scene: Scene, section: str) -> Finding:
    """Does a small upload go all the way?"""
    cloud = _cloud(scene, section)
    if cloud.api != "bota":
        return skipped(f"{cloud.api} cannot take a trial back, so none is sent")
    token = await asyncio.to_thread(_token, scene, section)
    async with _transport(scene) as transport:
        trial = Trial(cloud, token, transport, scene.clock)
        if not await trial.offered():
            return skipped("this cloud does not let a device take a trial back, so none is sent")
        trip = await trial.run(TRIAL_BYTES)
    return ok(f"{size(trip.size_bytes)} went up and was deleted again in {trip.whole_s:.1f} s")


def _cloud(scene: Scene, section: str) -> CloudConfig:
    return dict(clouds(scene.config))[section or "cloud"]


def _token(scene: Scene, section: str) -> str:
    cloud = _cloud(scene, section)
    return credential_in_use(scene.config, section or "cloud", cloud, scene.environ)


def _by_agent(scene: Scene) -> Finding:
    """Say how the agent fares with a token that we may not read."""
    cooldowns = (scene.status or {}).get("cooldowns") or {}
    for origin, wait in cooldowns.items():
        if not urlsplit(origin).scheme:
            return failed(
                printable(f"the agent's token is refused: {wait['reason']}"),
                "put a valid token into the token file (fieldpost config show names it)",
            )
    return skipped("this user may not read the token; try: sudo fieldpost doctor")


@asynccontextmanager
async def _transport(scene: Scene) -> AsyncIterator[Transport]:
    opened = await asyncio.to_thread(open_outlet, scene.config.network, scene.environ)
    async with opened as transport:
        yield transport


CHECKS = (
    Check(code="dns", run=dns, needs=(CONFIG,), subjects=sections),
    Check(code="gateway-tls", run=tls, needs=("dns",), subjects=sections),
    Check(code="gateway-auth", run=auth, needs=("gateway-tls",), subjects=sections),
    Check(code="clock-skew", run=skew, needs=("gateway-tls",), subjects=sections),
    Check(code="presigned-put", run=put, needs=("gateway-auth",), subjects=sections),
)
