"""Probe a cloud or any server: name, connection, TLS, clock, path, token, a trial upload."""

import asyncio
import contextlib
import ssl
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from device.config import CloudConfig
from device.config_clouds import clouds
from device.core.http_answer import ApiAnswer, looks_like_html, server_time
from device.errors import CloudError, FieldpostError, TokenRefused
from device.outlet import open_outlet, proxies_of
from device.probe import Probe, Step, wire
from device.probe.api import PORTAL, admitted
from device.probe.certificates import Certificate, broken, holds, shown
from device.probe.credentials import credential_in_use
from device.probe.trial import TRIAL_BYTES, Trial
from device.tls import client_context
from device.verdict import Finding, Verdict, failed, ok, skipped, warning
from device.words import clock, count, printable, size

if TYPE_CHECKING:
    from device.transport import Transport

CONNECTS = 3
"""How many connections are timed for the round trip."""
PATH_BYTES = 6000
"""So much goes out in one address before the kernel is asked what the path takes."""
WRONG_S = 60.0
SMALL_MTU_BYTES = 1280

_NO_WAY = "is the network up? nmcli device status; does it need a proxy? [network] proxy"
_Found = tuple[Finding, Mapping[str, Any]]


async def steps(probe: Probe) -> AsyncIterator[Step]:
    """Go step by step; the last one told is the first that failed.

    Raises:
        ConfigInvalid: A file of [network] cannot be used.
    """
    async with AsyncExitStack() as opened:
        way = _Way(probe, await asyncio.to_thread(_hop, probe), opened)
        for name, step in way.steps():
            begun_s = probe.clock.monotonic()
            try:
                finding, facts = await step()
            except ssl.SSLError as error:
                seen = await shown(way.hop)
                finding, facts = broken(error, way.hop, seen, probe.clock.now()), {}
            except FieldpostError as error:
                finding, facts = failed(printable(str(error)), error.hint or _NO_WAY), {}
            seconds = probe.clock.monotonic() - begun_s
            yield Step(name=name, finding=finding, seconds=seconds, facts=facts)
            if finding.verdict is Verdict.FAILED:
                return


class _Way:
    """The steps, and what they learn for each other; connections are closed with `opened`."""

    def __init__(self, probe: Probe, hop: wire.Hop, opened: AsyncExitStack) -> None:
        self.hop = hop
        self._probe = probe
        self._opened = opened
        self._addresses: list[Any] = []
        self._times_s: list[float] = []
        self._line: wire.Line | None = None
        self._answer = ApiAnswer(status=0)
        self._trial: tuple[CloudConfig, str, Transport] | None = None

    def steps(self) -> list[tuple[str, Callable[[], Awaitable[_Found]]]]:
        """List them in order."""
        secure = urlsplit(self._probe.url).scheme == "https"
        return [
            ("resolve", self._resolve),
            ("connect", self._connect),
            *((("tls", self._tls),) if secure else ()),
            ("http", self._http),
            ("clock", self._clock),
            ("path", self._path),
            ("token", self._token),
            ("upload", self._upload),
        ]

    async def _resolve(self) -> _Found:
        host, port = self.hop.first
        self._addresses = await wire.resolve(host, port)
        told = [address for _, address in self._addresses]
        through = " (the proxy)" if self.hop.proxy is not None else ""
        return ok(f"{host}{through} is {', '.join(told[:4])}"), {"addresses": told}

    async def _connect(self) -> _Found:
        """Connect to each address; then a few times to the first good one."""
        _, port = self.hop.first
        good, problems = [], []
        for family, address in self._addresses:
            try:
                self._times_s.append(await self._connect_once(family, address, port))
            except CloudError as error:
                problems.append(str(error))
            else:
                good.append((family, address))
        facts: dict[str, Any] = {"reached": [each for _, each in good], "failed": problems}
        if not good:
            return failed(printable(problems[0]), _NO_WAY), facts
        for _ in range(CONNECTS - 1):
            self._times_s.append(await self._connect_once(*good[0], port))
        facts["connect_ms"] = [round(1000 * each, 2) for each in self._times_s]
        said = f"port {port} answers in {1000 * min(self._times_s):.1f} ms"
        if problems:
            fix = "nothing to do here; whoever runs the server or the network may mend it"
            return warning(f"{said}, but {printable(problems[0])}", fix), facts
        return ok(said), facts

    async def _connect_once(self, family: Any, address: str, port: int) -> float:
        begun_s = self._probe.clock.monotonic()
        (await wire.connect(family, address, port)).close()
        return self._probe.clock.monotonic() - begun_s

    async def _tls(self) -> _Found:
        context = await asyncio.to_thread(client_context, self._probe.config.network)
        self._line = await self._opened.enter_async_context(wire.reached(self.hop))
        await self._line.start_tls(context)
        tls = self._line.tls()
        told = tls.getpeercert() if tls else None
        if tls is None or not told:
            return warning("the server showed no certificate", PORTAL), {}
        seen = Certificate.of(told)
        found = holds(seen, self._probe.clock.now())
        cipher = (tls.cipher() or ("", "", 0))[0]
        facts = {
            "version": tls.version(),
            "cipher": cipher,
            "issuer": seen.issuer,
            "subject": seen.subject,
            "names": list(seen.names[:16]),
            "not_before": seen.not_before,
            "not_after": seen.not_after,
        }
        sentence = f"{tls.version()} {cipher}; {found.sentence}"
        return Finding(verdict=found.verdict, sentence=sentence, fix=found.fix), facts

    async def _http(self) -> _Found:
        if self._line is None:
            self._line = await self._opened.enter_async_context(wire.reached(self.hop))
        self._answer = answer = await self._line.get(urlsplit(self._probe.url).path or "/")
        facts = {"status": answer.status, "server": printable(answer.headers.get("server", ""))}
        location = urlsplit(answer.headers.get("location", "")).hostname
        if 300 <= answer.status < 400 and location:  # noqa: PLR2004 - redirects
            return warning(f"HTTP {answer.status}: leads to {printable(location)}", PORTAL), facts
        if looks_like_html(answer.headers, answer.body):
            said = f"HTTP {answer.status} with a page for people, not an API"
            return warning(said, PORTAL), facts
        return ok(f"answers (HTTP {answer.status})"), facts

    async def _clock(self) -> _Found:
        told = server_time(self._answer.headers)
        if told is None:
            return skipped("the server does not tell the time"), {}
        offset_s = (self._probe.clock.now() - told).total_seconds()
        facts = {"offset_s": round(offset_s, 1), "server_time": told}
        if abs(offset_s) <= WRONG_S:
            return ok("our clock and the server's agree"), facts
        fix = "sudo timedatectl set-ntp true"
        return warning(f"our clock is {clock(offset_s)} of the server's", fix), facts

    async def _path(self) -> _Found:
        """Send some KiB, so that a path that takes less than its first link shows it."""
        if self._line is None:
            return skipped("no connection is left"), {}
        with contextlib.suppress(CloudError):  # refused for its length; it went out all the same
            await self._line.get("/?".ljust(PATH_BYTES, "f"))
        known = wire.kernel(self._line.socket())
        rtt_ms = known.rtt_ms or 1000 * statistics.median(self._times_s)
        facts = {
            "mtu_bytes": known.mtu_bytes,
            "mss_bytes": known.mss_bytes,
            "rtt_ms": round(rtt_ms, 2),
            "retransmitted": known.retransmitted,
        }
        mtu = f"packets of {known.mtu_bytes} bytes" if known.mtu_bytes else "MTU unknown"
        to = " to the proxy" if self.hop.proxy is not None else ""
        again = f", {count(known.retransmitted, 'packet')} lost" if known.retransmitted else ""
        said = f"{mtu}, round trip {rtt_ms:.1f} ms{to}{again}"
        if known.mtu_bytes is not None and known.mtu_bytes < SMALL_MTU_BYTES:
            return warning(said, "raise the MTU of the tunnel or interface on the way"), facts
        return ok(said), facts

    async def _token(self) -> _Found:
        """Ask with our token, where the address is that of a configured cloud."""
        found = _configured(self._probe)
        if found is None:
            return skipped("none of the configured clouds, so no token is shown to it"), {}
        section, cloud = found
        if cloud.api != "bota":
            return skipped(f"{cloud.api} has no call that only asks about a credential"), {}
        try:
            token = await asyncio.to_thread(
                credential_in_use, self._probe.config, section, cloud, self._probe.environ
            )
        except TokenRefused as error:
            if isinstance(error.__cause__, PermissionError):
                return skipped("this user may not read the token; try it with sudo"), {}
            fix = f"put this device's token into {cloud.token_file}, mode 0600"
            return failed(printable(str(error)), fix), {}
        outlet = await asyncio.to_thread(
            open_outlet, self._probe.config.network, self._probe.environ
        )
        transport = await self._opened.enter_async_context(outlet)
        self._trial = cloud, token, transport
        return await admitted(cloud, token, transport), {}

    async def _upload(self) -> _Found:
        """Send a trial and have it deleted; more than a kilobyte only where that was asked for."""
        if self._trial is None:
            return skipped("no trial is sent without a token"), {}
        trial = Trial(*self._trial, self._probe.clock)
        if not await trial.offered():
            return skipped("this cloud does not let a device take a trial back"), {}
        trip = await trial.run(TRIAL_BYTES)
        facts: dict[str, Any] = {"size_bytes": trip.size_bytes, "round_trip_s": trip.whole_s}
        said = f"{size(trip.size_bytes)} up and deleted again in {trip.whole_s:.2f} s"
        if self._probe.send_bytes:
            large = await trial.run(self._probe.send_bytes)
            facts |= {"sent_bytes": large.size_bytes, "bytes_per_s": round(large.bytes_per_s)}
            said += f"; {size(large.size_bytes)} at {size(large.bytes_per_s)}/s"
        return ok(said), facts


def _hop(probe: Probe) -> wire.Hop:
    return wire.hop_of(probe.url, proxies_of(probe.config.network, probe.environ))


def _configured(probe: Probe) -> tuple[str, CloudConfig] | None:
    for section, cloud in clouds(probe.config):
        if cloud.base_url.rstrip("/") == probe.url.rstrip("/"):
            return section, cloud
    return None
