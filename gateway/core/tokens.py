"""Credentials: their text, their hash at rest, and how long a replaced token still counts."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.model import DeviceToken, Scope

OVERLAP = timedelta(hours=24)
"""How long a replaced token works for everything, unless its successor is used before."""

_DEVICE_PREFIX = "dtok_"
_SECRET_PREFIX = "sk_live_"  # noqa: S105 - a prefix, not a secret
_PHONE_PREFIX = "ptok_"
_OWN_PREFIX = "sk_own_"
_RESTRICTED_PREFIX = "rk_live_"


class Credential(StrEnum):
    """The kind of a credential, told by its prefix."""

    KEY = "key"
    DEVICE = "device"


class Standing(StrEnum):
    """What a known device token may still do."""

    VALID = "valid"
    REFRESH_ONLY = "refresh_only"
    DEAD = "dead"


def kind(text: str) -> Credential | None:
    """Tell the kind of a credential by its prefix; None for anything else."""
    if text.startswith(_DEVICE_PREFIX):
        return Credential.DEVICE
    if text.startswith(("sk_", "rk_")):
        return Credential.KEY
    return None


def credential_hash(text: str) -> str:
    """Hash a credential for keeping and for finding it.

    The text carries 256 random bits, so a fast hash is enough; looking the hash up compares no
    secret byte by byte.
    """
    return hashlib.sha256(text.encode()).hexdigest()


def device_token(entropy: bytes) -> str:
    """Write a device token."""
    return _DEVICE_PREFIX + _text(entropy)


def api_key(entropy: bytes, scopes: Iterable[Scope]) -> str:
    """Write an API key: `sk_live_…` when it may do everything, else `rk_live_…`."""
    everything = frozenset(scopes) == frozenset(Scope)
    return (_SECRET_PREFIX if everything else _RESTRICTED_PREFIX) + _text(entropy)


def phone_token(entropy: bytes) -> str:
    """Write a phone's token: no header takes it, only the cookie of the phone's own page."""
    return _PHONE_PREFIX + _text(entropy)


def own_key(secret: bytes) -> str:
    """Write the key by which a gateway calls itself: derived, and kept nowhere."""
    return _OWN_PREFIX + _text(hmac.digest(secret, b"own-key", "sha256"))


def derived_token(secret: bytes, *purpose: str) -> str:
    """Write the one device token that belongs to `purpose`.

    A repeated refresh or bind gives the same token again without the text being kept anywhere: a
    lost answer costs nothing, and a stolen database holds hashes only.
    """
    message = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in purpose)
    return device_token(hmac.digest(secret, b"device-token\0" + message, "sha256"))


def standing(token: DeviceToken, now: datetime) -> Standing:
    """Say what a token may still do.

    A replaced token works until its successor is first used (which revokes it), at most `OVERLAP`.
    After that it can still fetch that same successor again, and nothing else: a device whose answer
    was lost and that then slept for a week is not locked out.
    """
    if token.revoked_at is not None:
        return Standing.DEAD
    if token.replaced_at is not None and now >= token.replaced_at + OVERLAP:
        return Standing.REFRESH_ONLY
    return Standing.VALID


def _text(entropy: bytes) -> str:
    return urlsafe_b64encode(entropy).rstrip(b"=").decode()
