"""What can be done with one-time codes: make one for a device, give its token for one."""

import asyncio
import logging
import secrets
from datetime import datetime

from device.clock import Clock
from gateway.access import new_id
from gateway.core.enrol_codes import ENTROPY_BYTES, LIFE, code_hash, read_code, write_code
from gateway.core.guesses import Guesses
from gateway.core.ids import Prefix
from gateway.core.tokens import credential_hash, derived_token, device_token
from gateway.errors import CodeRefused, TooManyGuesses
from gateway.model import Device, DeviceToken, EnrolCode
from gateway.store import Store

logger = logging.getLogger(__name__)

_TOKEN_BYTES = 32


class EnrolDesk:
    """The use cases of one-time codes; counts wrong ones in this process (see `Guesses`)."""

    def __init__(self, store: Store, clock: Clock, *, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret
        self._guesses = Guesses()
        self._hashing = asyncio.Lock()

    async def code(self, device: Device) -> tuple[str, datetime]:
        """Make a code for a device; answers it, and until when it is good."""
        text = write_code(secrets.token_bytes(ENTROPY_BYTES))
        now = self._clock.now()
        code = EnrolCode(
            id=new_id(Prefix.ENROL_CODE),
            device_id=device.id,
            code_hash=await self._hash(text),
            created_at=now,
            expires_at=now + LIFE,
        )
        await self._store.enrolments.add(code)
        logger.info("A code was made for a device.", extra={"device_id": device.id})
        return text, code.expires_at

    async def enrol(self, typed: str, nonce: str | None, *, guesser: str) -> tuple[str, str]:
        """Give the token of the device that a code is of; uses the code up.

        The tokens that the device has stay good until the new one is first used: nobody is cut off
        by a code that was typed at the wrong box and noticed, or by an answer that never came.

        Args:
            typed: The code as somebody typed it.
            nonce: What the client made up for this; with it the same code gives the same token
                again while it lives.
            guesser: Whom a wrong code is held against.

        Returns:
            The device's id and its token.

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
        hashed = await self._hash(code)
        if nonce is None:
            text = device_token(secrets.token_bytes(_TOKEN_BYTES))
        else:
            # The same request again must give the same token, and no token's text is kept: its
            # hash tells whether it is the same client, with the same nonce.
            text = derived_token(self._secret, "enrol", hashed, nonce)
        token = DeviceToken(
            id=new_id(Prefix.TOKEN),
            device_id="",
            token_hash=credential_hash(text),
            created_at=self._clock.now(),
        )
        enrolled = await self._store.enrolments.redeem(hashed, token)
        self._guesses.right(guesser)
        logger.info("A device was enrolled by a code.", extra={"device_id": enrolled.device_id})
        return enrolled.device_id, text

    async def _hash(self, code: str) -> str:
        # One at a time: it is slow on purpose, and everybody may ask for it.
        async with self._hashing:
            return await asyncio.to_thread(code_hash, code)
