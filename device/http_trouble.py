"""What went wrong on the way to a server, in words of ours and without its URL.

The query of an upload URL is a secret, and some errors of the HTTP library repeat it.
"""

import os
import ssl

import aiohttp

from device.errors import NotTheCloud

_PORTAL = "sign in to the network's portal, or check base_url"
_UNKNOWN = (
    "sign in to the network's portal, check base_url, or, if the server is your own or a company"
    " proxy opens TLS, name its authority in [network] ca_file"
)
_CLOCK = "set this machine's clock (timedatectl): the certificate may be good"
_LOGIN = "put the right user:password into the file that [network] proxy_login_file names"
_ALLOW = "ask whoever runs the proxy to let this machine through, or correct [network] proxy"
_IDENTITY = "set [network] client_cert and client_key"
_NOT_NOW = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_PROXY_LOGIN = 407
_BAD_GATEWAYS = frozenset({500, 502, 503, 504})
"""A proxy that is willing, and finds no way to the server."""


def stranger(error: Exception) -> NotTheCloud | None:
    """Tell errors that show somebody else in the cloud's place, or in the way to it."""
    match error:
        case aiohttp.ClientConnectorCertificateError() if _not_now(error.certificate_error):
            when = f"the certificate of {error.host} is not valid today, by this machine's clock"
            return NotTheCloud(when, hint=_CLOCK)
        case aiohttp.ClientConnectorCertificateError():
            return NotTheCloud(f"the certificate of {error.host} is not trusted", hint=_UNKNOWN)
        case aiohttp.ClientConnectorSSLError() if "WRONG_VERSION_NUMBER" in str(error.os_error):
            spoken = f"what answers at {error.host}:{error.port} does not speak TLS"
            return NotTheCloud(spoken, hint=_PORTAL)
        case aiohttp.ClientHttpProxyError() if error.status not in _BAD_GATEWAYS:
            return proxy_refusal(error.status)
        case _:
            return None


def _not_now(error: Exception) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in _NOT_NOW


def proxy_refusal(status: int) -> NotTheCloud:
    """Say what a proxy's own answer means; 407 never comes from anybody else."""
    if status == _PROXY_LOGIN:
        return NotTheCloud("the proxy asks for credentials (HTTP 407)", hint=_LOGIN)
    return NotTheCloud(f"the proxy does not let this machine through (HTTP {status})", hint=_ALLOW)


def reason(error: Exception) -> str:  # noqa: C901, PLR0911 - a table
    """Say what failed."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the proxy finds no way to the server (HTTP {error.status})"
        case aiohttp.ClientConnectorDNSError():
            return f"no address for {error.host}"
        case aiohttp.ClientProxyConnectionError():
            said = os.strerror(error.errno) if error.errno else error.strerror
            return f"cannot connect to the proxy {error.host}:{error.port}: {said}"
        case aiohttp.ClientConnectorError():
            said = os.strerror(error.errno) if error.errno else error.strerror
            return f"cannot connect to {error.host}:{error.port}: {said}"
        case aiohttp.ServerDisconnectedError():
            return "the server hung up without an answer"
        case aiohttp.InvalidURL() | ValueError():
            return "the address or a header cannot be sent"
        case aiohttp.ClientPayloadError():
            return "the answer was cut"
        case TimeoutError():
            return "no answer in time"
        case OSError() if "CERTIFICATE_REQUIRED" in str(error):
            return f"the server asks who we are: {_IDENTITY}"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return type(error).__name__
