"""What can be done with phones: make a code, pair one for it, tell one by its cookie, revoke."""

import asyncio
import dataclasses
import logging
import secrets
from collections.abc import Callable  # noqa: TC003 - annotates an attribute
from datetime import datetime

from device.clock import Clock
from gateway.access import new_id
from gateway.core.enrol_codes import ENTROPY_BYTES, LIFE, code_hash, read_code, write_code
from gateway.core.guesses import Guesses
from gateway.core.ids import Prefix
from gateway.core.tokens import credential_hash, phone_token
from gateway.errors import CodeRefused, NotFound, TooManyGuesses, Unauthorized
from gateway.model_phones import Phone, PhoneCode, PhoneVisit
from gateway.store import Store

logger = logging.getLogger(__name__)

_TOKEN_BYTES = 32
_HASHED_FOR = "phone\0"
"""Before the code: one that enrols a box does not pair a phone, whatever the tables hold."""


def _nobody(_phone_id: str) -> None:
    pass


class PhoneDesk:
    """The use cases of phones, their visits apart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._guesses = Guesses()
        self._hashing = asyncio.Lock()
        self.on_revoked: Callable[[str], None] = _nobody
        """Told of a phone that may do nothing more from now on."""

    async def code(self, name: str, end_user_id: str | None) -> tuple[str, datetime]:
        """Make a code that pairs one phone; answers it, and until when it is good."""
        text = write_code(secrets.token_bytes(ENTROPY_BYTES))
        now = self._clock.now()
        code = PhoneCode(
            id=new_id(Prefix.PHONE_CODE),
            code_hash=await self._hash(text),
            name=name,
            end_user_id=end_user_id,
            created_at=now,
            expires_at=now + LIFE,
        )
        await self._store.phones.add_code(code)
        logger.info("A code was made for a phone.", extra={"phone_code_id": code.id})
        return text, code.expires_at

    async def pair(self, typed: str, *, guesser: str) -> tuple[Phone, str]:
        """Pair a phone for a code, which is used up.

        Args:
            typed: The code as somebody typed it, or as the page's address brought it.
            guesser: Whom a wrong code is held against.

        Returns:
            The phone, and the text of its token.

        Raises:
            TooManyGuesses: Before the code is looked at.
            CodeRefused: It is wrong, used or too old.
        """
        wait_s = self._guesses.begin(guesser, self._clock.monotonic())
        if wait_s is not None:
            raise TooManyGuesses(wait_s)
        code = read_code(typed)
        if code is None:
            raise CodeRefused("a code is eight letters and digits, such as K7QF-2MXP")
        token = phone_token(secrets.token_bytes(_TOKEN_BYTES))
        wanted = Phone(
            id=new_id(Prefix.PHONE),
            name="",
            token_hash=credential_hash(token),
            created_at=self._clock.now(),
        )
        phone = await self._store.phones.pair(await self._hash(code), wanted)
        self._guesses.right(guesser)
        logger.info("A phone was paired.", extra={"phone_id": phone.id})
        return phone, token

    async def find(self, token: str | None) -> Phone:
        """Say whose token this is.

        Raises:
            Unauthorized: Nobody's, or not any more.
        """
        if token and token.isascii():
            phone = await self._store.phones.phone(credential_hash(token))
            if phone is not None and phone.revoked_at is None:
                return phone
        raise Unauthorized("this phone is not paired with the gateway")

    async def all(self) -> list[Phone]:
        """List those that are paired, oldest first."""
        return [each for each in await self._store.phones.all() if each.revoked_at is None]

    async def revoke(self, phone_id: str) -> None:
        """Revoke a phone; its tunnel ends. Repeatable.

        Raises:
            NotFound: There is no such phone.
        """
        if await self._store.phones.revoke(phone_id, self._clock.now()) is None:
            raise NotFound("there is no such phone", hint="fieldpost-gateway phones ls")
        logger.info("A phone was revoked.", extra={"phone_id": phone_id})
        self.on_revoked(phone_id)

    async def visits(self, phone_id: str, limit: int) -> list[PhoneVisit]:
        """List what a phone brought, newest first.

        Raises:
            NotFound: There never was such a phone.
        """
        if phone_id not in {each.id for each in await self._store.phones.all()}:
            raise NotFound("there is no such phone")
        return await self._store.phones.visits(phone_id, limit)

    async def seen(self, phone: Phone) -> Phone:
        """Note that a phone is there."""
        now = self._clock.now()
        await self._store.phones.seen(phone.id, now)
        return dataclasses.replace(phone, seen_at=now)

    async def _hash(self, code: str) -> str:
        # One at a time: it is slow on purpose, and everybody may ask for it.
        async with self._hashing:
            return await asyncio.to_thread(code_hash, _HASHED_FOR + code)
