"""How this machine speaks TLS: whom it trusts, who it says it is, which cipher it prefers."""

import os
import platform
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

from device.config import NetworkConfig
from device.errors import ConfigInvalid

_AUXV = Path("/proc/self/auxv")
_HWCAP, _HWCAP2 = 16, 26
_AES_OF_ARM64 = 1 << 3
_AES_OF_ARM32 = 1 << 0
"""Bits of AT_HWCAP (64 bit) and AT_HWCAP2 (32 bit) in the kernel's asm/hwcap.h."""


def client_context(network: NetworkConfig, *, fast_aes: bool | None = None) -> ssl.SSLContext:
    """Make the context of every connection. Blocks: it reads files.

    Args:
        network: Authorities trusted beside the system's, and the certificate to show.
        fast_aes: Whether AES is cheap here; None finds out.

    Raises:
        ConfigInvalid: A file cannot be used; sentences name the key.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if problems := [f"[network] {key} {what}" for key, what in _load(context, network)]:
        raise ConfigInvalid(problems)
    if not (has_aes() if fast_aes is None else fast_aes):
        _prefer_chacha(context)
    return context


def file_problems(network: NetworkConfig) -> Iterator[tuple[str, str]]:
    """Yield (key, complaint) for each file that cannot be used. Blocks."""
    yield from _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), network)


def has_aes(
    auxv: bytes | None = None,
    machine: str = platform.machine(),
    word_bytes: int = struct.calcsize("P"),
) -> bool:
    """Whether the processor has instructions for AES; what is neither ARM nor known has.

    Read from the auxiliary vector, because the unit's `ProcSubset=pid` hides /proc/cpuinfo.
    """
    if not machine.startswith(("arm", "aarch64")):
        return True
    if auxv is None:
        try:
            auxv = _AUXV.read_bytes()
        except OSError:
            return True
    pair = struct.Struct("QQ" if word_bytes == struct.calcsize("Q") else "II")
    whole = len(auxv) - len(auxv) % pair.size
    known = dict(pair.iter_unpack(auxv[:whole]))
    if pair.format == "QQ":
        return bool(known.get(_HWCAP, 0) & _AES_OF_ARM64)
    return bool(known.get(_HWCAP2, 0) & _AES_OF_ARM32)


def _load(context: ssl.SSLContext, network: NetworkConfig) -> Iterator[tuple[str, str]]:
    if network.ca_file:
        try:
            context.load_verify_locations(cafile=network.ca_file)
        except OSError as error:
            yield "ca_file", _said(network.ca_file, error, "no certificate in PEM form")
    if network.client_cert:
        key = network.client_key or network.client_cert
        for name, file in (("client_cert", network.client_cert), ("client_key", key)):
            try:
                Path(file).read_bytes()
            except OSError as error:
                yield name, _said(file, error, "")
                return
        try:
            # The password is never asked for on a terminal: there is none.
            context.load_cert_chain(network.client_cert, key, password=lambda: "")
        except (OSError, ValueError) as error:
            yield "client_cert", _said(network.client_cert, error, "no certificate with its key")


def _said(file: str, error: Exception, holds: str) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return f"{file} cannot be read: {os.strerror(error.errno)}"
    return f"{file} holds {holds}"


def _prefer_chacha(context: ssl.SSLContext) -> None:
    """Move ChaCha20 to the front: without AES instructions it costs a fraction of the time."""
    names = [cipher["name"] for cipher in context.get_ciphers()]
    ordered = sorted(names, key=lambda name: "CHACHA20" not in name)
    context.set_ciphers(":".join(name for name in ordered if not name.startswith("TLS_")))
    # Python 3.15 is the first that can order the suites of TLS 1.3; before it, openssl.cnf does.
    if set_suites := getattr(context, "set_ciphersuites", None):
        set_suites(":".join(name for name in ordered if name.startswith("TLS_")))
