"""The gateway's identity at Google: tokens for its own requests, signatures for others'."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.errors import ConfigInvalid, Unavailable
from gateway.objects.gcs_signing import GcsRequest, Signer, signed_url

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


class Account:
    """A service account."""

    def __init__(self, credentials_file: Path | None, *, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._credentials = _credentials(credentials_file)

    async def token(self) -> str:
        """Give a token that is good for a while."""
        return await asyncio.to_thread(self._token)

    async def signed_url(self, request: GcsRequest, life_s: int) -> str:
        """Sign a request for somebody who has no token; a machine's own account asks Google."""
        return await asyncio.to_thread(self._signed, request, life_s)

    def _token(self) -> str:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        from gateway.objects.google_transport import Fetch  # noqa: PLC0415 - an extra

        try:
            with self._lock:
                if not self._credentials.valid:
                    self._credentials.refresh(Fetch())
                return str(self._credentials.token)
        except GoogleAuthError as error:
            raise Unavailable(
                "Google does not give the gateway a token",
                hint="is the key in FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE still good, "
                "this machine's clock right, and Google within reach?",
            ) from error

    def _signed(self, request: GcsRequest, life_s: int) -> str:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra

        signer = Signer(
            email=self._credentials.signer_email,
            sign=self._credentials.sign_bytes,
            address=self._address,
        )
        try:
            return signed_url(request, signer, life_s=life_s, now=datetime.now(UTC))
        except GoogleAuthError as error:
            raise Unavailable("the URL cannot be signed now") from error


def _credentials(file: Path | None) -> Any:
    try:
        import google.auth  # noqa: PLC0415 - an extra
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra
        from google.oauth2 import service_account  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigInvalid(
            "Google's object store needs the extra gcs",
            hint="pip install 'fieldpost[gateway,gcs]'",
        ) from error
    try:
        if file is None:
            found, _ = google.auth.default(scopes=[_SCOPE])
        else:
            found = service_account.Credentials.from_service_account_file(
                str(file), scopes=[_SCOPE]
            )
    except (GoogleAuthError, OSError, ValueError) as error:
        raise ConfigInvalid(
            "there are no credentials for Google's object store",
            hint="name a service account's key in FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE",
        ) from error
    if not hasattr(found, "sign_bytes"):
        raise ConfigInvalid(
            "these Google credentials cannot sign URLs",
            hint="use a service account, see FIELDPOST_GATEWAY_GCS_CREDENTIALS_FILE",
        )
    return found
