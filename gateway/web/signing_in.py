"""Sign in to the console by an API key, and tell who is signed in."""

import hmac
import logging
import secrets
from dataclasses import dataclass

from device.clock import Clock
from gateway.core.guesses import Guesses
from gateway.core.sessions import CSRF_HEADER, LIFE, csrf_token, session_text, slides
from gateway.core.tokens import Credential, credential_hash, kind
from gateway.errors import Forbidden, TooManyGuesses, Unauthorized
from gateway.model import ApiKey, KeyCaller, Scope, WebSession
from gateway.store import Store

logger = logging.getLogger(__name__)

_ENTROPY_BYTES = 32
_UNKNOWN = "the key is unknown or was revoked"
_NO_KEY = "this is no API key: one begins with sk_ or rk_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a request with a session's cookie was made.

    `changes`: it is no GET and no HEAD. `own_page`: its Origin is this gateway's. `waits`: it is a
    stream that a page keeps open by itself, which is nobody's doing: it prolongs nothing.
    """

    changes: bool
    own_page: bool
    csrf: str | None
    waits: bool


class SessionDesk:
    """The use cases of sessions. They are kept in the database, for all processes on it.

    Wrong keys are counted by each process for itself: a key has 256 random bits.
    """

    def __init__(self, store: Store, clock: Clock, *, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._guesses = Guesses()

    async def sign_in(self, key_text: str, *, guesser: str) -> tuple[str, WebSession]:
        """Begin a session.

        Args:
            key_text: An API key that may do `admin`.
            guesser: Whom a wrong key is held against.

        Returns:
            What the cookie holds, and the session.

        Raises:
            TooManyGuesses: It is no good key, and not the first. A good one never waits: nobody
                guesses one, and strangers who try must not keep everybody else out.
            Unauthorized: It is no key, or was revoked.
            Forbidden: It is a good key that lacks `admin`.
        """
        wait_s = self._guesses.begin(guesser, self._clock.monotonic())
        key_text = key_text.strip()
        key = await self._key(key_text)
        if key is None and wait_s is not None:
            raise TooManyGuesses(wait_s, "keys")
        if key is None:
            looks_like_one = kind(key_text) is Credential.KEY
            raise Unauthorized(_UNKNOWN if looks_like_one else _NO_KEY)
        if wait_s is None:
            self._guesses.right(guesser)
        if Scope.ADMIN not in key.scopes:
            raise Forbidden("the console needs a key that has the scope admin; this one has not")
        text = session_text(secrets.token_bytes(_ENTROPY_BYTES))
        now = self._clock.now()
        session = WebSession(
            session_hash=credential_hash(text),
            key=key,
            created_at=now,
            seen_at=now,
            expires_at=now + LIFE,
        )
        await self._store.sessions.add(session)
        logger.info("Somebody signed in to the console.", extra={"key_id": key.id})
        return text, session

    async def caller(self, cookie: str, asking: Asking) -> KeyCaller:
        """Say whose session a request is of, and prolong it.

        Raises:
            Unauthorized: There is no such session, or it is over, or its key was revoked.
            Forbidden: A change that no page of ours asked for.
        """
        session = await self._found(cookie)
        if asking.changes:
            self._refuse_strangers(cookie, asking)
        now = self._clock.now()
        if not asking.waits and slides(session.seen_at, now):
            await self._store.sessions.prolong(session.session_hash, now, now + LIFE)
        key = session.key
        return KeyCaller(key.id, key.scopes, key.name, by_console=True)

    async def signed_in(self, cookie: str) -> WebSession:
        """Look up the session of a cookie.

        Raises:
            Unauthorized: See `caller`.
        """
        return await self._found(cookie)

    async def sign_out(self, cookie: str) -> None:
        """End a session; repeatable, and nothing where there is none."""
        if not cookie.isascii():
            # Bytes that are no text arrive as half characters, which cannot even be hashed.
            return
        await self._store.sessions.end(credential_hash(cookie))
        logger.info("Somebody signed out of the console.")

    def csrf(self, cookie: str) -> str:
        """Give what the pages of a session send with every change."""
        return csrf_token(self._secret, cookie)

    async def _key(self, text: str) -> ApiKey | None:
        if kind(text) is not Credential.KEY or not text.isascii():
            return None
        key = await self._store.keys.key(credential_hash(text))
        return None if key is None or key.revoked_at is not None else key

    async def _found(self, cookie: str) -> WebSession:
        session = None
        if cookie.isascii():
            now = self._clock.now()
            session = await self._store.sessions.session(credential_hash(cookie), now)
        if session is None:
            raise Unauthorized("nobody is signed in here, or not any more: sign in again")
        return session

    def _refuse_strangers(self, cookie: str, asking: Asking) -> None:
        if not asking.own_page:
            raise Forbidden("a change by a cookie must come from a page of this gateway")
        # Bytes that are no text arrive as half characters.
        sent = (asking.csrf or "").encode(errors="surrogateescape")
        if not hmac.compare_digest(self.csrf(cookie).encode(), sent):
            raise Forbidden(f"a change by a cookie needs {CSRF_HEADER}: load the page anew")
