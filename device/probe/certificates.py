"""A server's certificate: does it hold, for whom, by whom, until when; and if not, why not."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from device.errors import CloudUnreachable
from device.probe.wire import Hop, reached
from device.verdict import Finding, failed, ok, warning
from device.words import printable, span

SOON_DAYS = 14
_NOT_YET, _EXPIRED, _HOSTNAME, _ADDRESS = 9, 10, 62, 64
"""X509_V_ERR_… of OpenSSL."""
_NO_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the ssl module has no name for."""
_CLOCK = "check this computer's clock: timedatectl; "
_TRUST = (
    "sign in to the network's portal; or, if the server is your own or a company proxy opens TLS,"
    " name its authority in [network] ca_file"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says; times are aware."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Certificate":
        """Read what `SSLSocket.getpeercert` returns."""
        return cls(
            subject=_name(told.get("subject", ())),
            issuer=_name(told.get("issuer", ())),
            names=tuple(str(value) for _, value in told.get("subjectAltName", ())),
            not_before=datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notBefore"]), UTC),
            not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC),
        )


def holds(certificate: Certificate, now: datetime) -> Finding:
    """Judge a certificate that was found good: does it stay so?"""
    left_s = (certificate.not_after - now).total_seconds()
    said = f"by {printable(certificate.issuer)}, good for {span(left_s)}"
    if left_s < SOON_DAYS * 86_400:
        return warning(
            f"the certificate ends soon: {said}", "have whoever runs the server renew it"
        )
    return ok(f"the certificate holds: {said}")


def broken(error: ssl.SSLError, hop: Hop, seen: Certificate | None, now: datetime) -> Finding:
    """Say why TLS did not come about, and whose fault that is.

    Args:
        error: What went wrong.
        hop: With whom.
        seen: The certificate that was shown, if it could be had.
        now: Our own idea of the time.
    """
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else None
    by = f" (by {printable(seen.issuer)})" if seen else ""
    if code in {_EXPIRED, _NOT_YET} and seen is not None:
        edge = seen.not_after if code == _EXPIRED else seen.not_before
        word = "ended" if code == _EXPIRED else "begins"
        return failed(
            f"the certificate of {hop.host} {word} {edge:%Y-%m-%d %H:%M} UTC, and it is"
            f" {now:%Y-%m-%d %H:%M} by this computer's clock",
            _CLOCK + "if that is right, have whoever runs the server renew it",
        )
    if code in {_HOSTNAME, _ADDRESS}:
        names = f"; it is for {printable(', '.join(seen.names[:3]))}" if seen else ""
        return failed(
            f"the certificate is not for {hop.host}{names}",
            "sign in to the network's portal, or correct base_url",
        )
    if code is not None:
        return failed(f"the certificate of {hop.host}{by} is not trusted", _TRUST)
    if "WRONG_VERSION_NUMBER" in str(error):
        return failed(
            f"what answers at {hop.host}:{hop.port} does not speak TLS",
            "sign in to the network's portal, or check scheme and port of base_url",
        )
    return failed(f"TLS does not come about: {error.reason or type(error).__name__}", _TRUST)


async def shown(hop: Hop) -> Certificate | None:
    """Fetch the certificate that could not be trusted, to tell what is wrong; None: no luck.

    Nothing is sent on these connections but the handshake.
    """
    try:
        content = await _raw(hop)
        return None if content is None else await _read(hop, content)
    except (OSError, CloudUnreachable, ValueError, KeyError):
        return None


async def _raw(hop: Hop) -> bytes | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with reached(hop) as line:
        await line.start_tls(context)
        tls = line.tls()
        return tls.getpeercert(binary_form=True) if tls else None


async def _read(hop: Hop, content: bytes) -> Certificate | None:
    """Have OpenSSL read it: a certificate that is its own authority is always good."""
    context = await asyncio.to_thread(_trusting, content)
    async with reached(hop) as line:
        await line.start_tls(context)
        tls = line.tls()
        told = tls.getpeercert() if tls else None
        return Certificate.of(told) if told else None


def _trusting(content: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_TIME)
    context.load_verify_locations(cadata=content)
    return context


def _name(parts: Any) -> str:
    """Choose the word that people know an issuer by."""
    named = {key: value for each in parts for key, value in each}
    for key in ("organizationName", "commonName"):
        if key in named:
            return str(named[key])
    return "nobody in particular"
