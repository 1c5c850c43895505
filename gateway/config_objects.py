"""Where objects are kept, by environment: FIELDPOST_GATEWAY_OBJECTS and what belongs to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.errors import ConfigInvalid

_PREFIX = "FIELDPOST_GATEWAY_"
_BUCKET = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_MIB = 1024 * 1024
_MOST_SINGLE_PUT_BYTES = 5 * 1024 * _MIB
MOST_SIGNED_S = 7 * 24 * 3600
"""What S3 and Google accept as the life of a signed URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Config:
    """A bucket of S3 or of a store that speaks it; `prefix` is empty or ends with a slash.

    Objects of more than `single_put_bytes` go up in parts.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    key_id: str | None = None
    secret: str = field(default="", repr=False)
    single_put_bytes: int = 8 * _MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class GcsConfig:
    """A bucket of Google Cloud Storage; `emulator` is an address that needs no credentials.

    With `signed_uploads` clients are handed signed URLs instead of sessions: for one PUT up to
    `single_put_bytes`, else to start a session.
    """

    bucket: str
    prefix: str = ""
    credentials_file: Path | None = None
    emulator: str | None = None
    signed_uploads: bool = False
    single_put_bytes: int = 8 * _MIB


ObjectsConfig = S3Config | GcsConfig | None
"""None: files in the data folder."""


def read_objects(environ: Mapping[str, str]) -> ObjectsConfig:
    """Read which object store it is.

    Raises:
        ConfigInvalid: A value cannot be used; the sentence names it.
    """
    text = environ.get(f"{_PREFIX}OBJECTS", "").strip() or "filesystem"
    if text == "filesystem":
        return None
    parts = urlsplit(text)
    bucket, prefix = parts.netloc, parts.path.strip("/")
    named = parts.scheme in {"s3", "gs"} and _BUCKET.fullmatch(bucket)
    if not named or parts.query or parts.fragment:
        raise ConfigInvalid(
            f"{_PREFIX}OBJECTS={text!r} names no object store",
            hint="filesystem, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX",
        )
    prefix = f"{prefix}/" if prefix else ""
    if parts.scheme == "gs":
        return _gcs(environ, bucket, prefix)
    key_id = environ.get(f"{_PREFIX}S3_ACCESS_KEY_ID") or None
    return S3Config(
        bucket=bucket,
        prefix=prefix,
        endpoint=_address(environ, "S3_ENDPOINT"),
        region=environ.get(f"{_PREFIX}S3_REGION") or "us-east-1",
        key_id=key_id,
        secret=_secret(environ) if key_id else "",
        single_put_bytes=_bytes(environ, "S3_SINGLE_PUT_BYTES", 8 * _MIB),
    )


def _gcs(environ: Mapping[str, str], bucket: str, prefix: str) -> GcsConfig:
    key_file = environ.get(f"{_PREFIX}GCS_CREDENTIALS_FILE")
    uploads = environ.get(f"{_PREFIX}GCS_UPLOADS") or "sessions"
    if uploads not in {"sessions", "signed"}:
        raise ConfigInvalid(
            f"{_PREFIX}GCS_UPLOADS={uploads!r} is no way to upload", hint="sessions or signed"
        )
    found = GcsConfig(
        bucket=bucket,
        prefix=prefix,
        credentials_file=Path(key_file) if key_file else None,
        emulator=_address(environ, "GCS_EMULATOR"),
        signed_uploads=uploads == "signed",
        single_put_bytes=_bytes(environ, "GCS_SINGLE_PUT_BYTES", 8 * _MIB),
    )
    if found.signed_uploads and found.emulator and not found.credentials_file:
        raise ConfigInvalid(
            f"{_PREFIX}GCS_UPLOADS=signed needs a key to sign with",
            hint=f"name one in {_PREFIX}GCS_CREDENTIALS_FILE, also for an emulator",
        )
    return found


def _secret(environ: Mapping[str, str]) -> str:
    """Read the secret of the access key: a named file, or systemd's credential."""
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    named = environ.get(f"{_PREFIX}S3_SECRET_ACCESS_KEY_FILE")
    path = Path(named) if named else Path(credentials or "") / "s3-secret-access-key"
    if not (named or credentials):
        raise ConfigInvalid(
            f"{_PREFIX}S3_ACCESS_KEY_ID has no secret",
            hint=f"put it into a file and name it in {_PREFIX}S3_SECRET_ACCESS_KEY_FILE",
        )
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"the secret access key {path} cannot be read") from error
    if not secret:
        raise ConfigInvalid(f"the secret access key {path} is empty")
    return secret


def _address(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(_PREFIX + name)
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise ConfigInvalid(f"{_PREFIX}{name}={text!r} is not an http(s) URL")
    if parts.username is not None:
        raise ConfigInvalid(
            f"{_PREFIX}{name} holds a credential, and clients would be handed it",
            hint=f"name the key in {_PREFIX}S3_ACCESS_KEY_ID and its secret's file",
        )
    return text.rstrip("/")


def _bytes(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(_PREFIX + name) or str(default)
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= _MOST_SINGLE_PUT_BYTES:
        raise ConfigInvalid(f"{_PREFIX}{name}={text!r} is not a number of bytes up to 5 GiB")
    return int(text)
