"""Token slots: a device token that was exchanged, beside the one that the operator put in place.

The operator's token may lie where the agent cannot write (a systemd credential, /etc): whatever
comes after it is kept in the spool's folder, and counts only as long as the operator's own token
is still the one that it descends from.
"""

import asyncio
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from device.cloud import Cloud
from device.errors import SpoolError, TokenRefused
from device.spool.durable import settle_folder, storage, write_file

logger = logging.getLogger(__name__)

FILE = "token-slots"
_RESET = "this device was reset by its cloud: its token is forgotten"
_ENROL = "fieldpost enrol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the file says. `base` is the digest of the operator's token that it belongs to.

    `current` is what has taken that token's place, None while nothing has; `next` is stored and
    has not worked yet. A forgotten token is not used, though it still lies there.
    """

    schema_version: int = 1
    base: str
    current: str | None = None
    next: str | None = None
    forgotten: bool = False


class SlottedToken:
    """The token to use now. Every method but the constructor does file work."""

    def __init__(self, base: Callable[[], str], folder: Path) -> None:
        """Take where the operator's token comes from, and the spool's folder."""
        self._base = base
        self._folder = folder
        self._refused: str | None = None
        """The next one, where it was refused: the one before it is tried meanwhile."""

    def __call__(self) -> str:
        """Return the newest token that is not known to be refused.

        Raises:
            TokenRefused: There is none, or it cannot be read.
        """
        base = self._base()
        held = self._held(base)
        if held.forgotten:
            raise TokenRefused(_RESET, hint=_ENROL)
        if held.next is not None and held.next != self._refused:
            return held.next
        return held.current or base

    @property
    def pending(self) -> bool:
        """Whether a next token is stored that has not worked yet."""
        return self._held(self._base()).next is not None

    def store(self, token: str) -> None:
        """Keep the next token; durable, with the one before it, when this returns. Idempotent."""
        base = self._base()
        with self._alone():
            held = self._held(base)
            if token not in {held.current, base}:
                self._write(replace(held, next=token))
        self._refused = None

    def worked(self, token: str) -> None:
        """Take note that a token was accepted: the next one then takes its place. Idempotent.

        Never fails: what cannot be kept now is kept after the next success.
        """
        try:
            base = self._base()
            if self._held(base).next is None:
                return
            with self._alone():
                held = self._held(base)
                if token == held.next:
                    self._write(replace(held, current=token, next=None))
                    logger.info("The next device token has worked; the old one is given up")
                elif token == (held.current or base) and held.next == self._refused:
                    # One works and the other does not: it never will.
                    self._write(replace(held, next=None))
        except (TokenRefused, SpoolError) as error:
            logger.warning("That a token works is not kept yet", extra={"reason": str(error)})

    def refused(self, token: str) -> bool:
        """Take note that a token was refused; say whether another one is worth a try."""
        held = self._held(self._base())
        if held.next is not None and token == held.next:
            if self._refused == token:
                return False
            self._refused = token
            return True
        tried = self._refused is not None
        self._refused = None  # after a pause, from the newest again
        return not tried and self() != token

    def forget(self) -> None:
        """Use no token any more until the operator puts another in place. Durable."""
        base = self._base()
        with self._alone():
            self._write(Held(base=_digest(base), forgotten=True))

    def put(self, token: str) -> None:
        """Use this token from now on, in place of the operator's and all that came after it.

        An agent that got the operator's token when it started goes by it at once. Durable.
        """
        base = self._base()
        with self._alone(), storage("cannot replace the token's slots"):
            if token != base:
                self._write(Held(base=_digest(base), current=token))
            else:
                (self._folder / FILE).unlink(missing_ok=True)
                settle_folder(self._folder)

    def _held(self, base: str) -> Held:
        """Read the slots of an operator's token; those of an earlier one, or garbage, are none."""
        nothing = Held(base=_digest(base))
        place = self._folder / FILE
        try:
            held = msgspec.json.decode(place.read_bytes(), type=Held)
        except (FileNotFoundError, msgspec.DecodeError):
            return nothing
        except OSError as error:
            raise TokenRefused(f"cannot read {place}: {error.strerror}") from error
        return held if held.base == nothing.base else nothing

    def _write(self, held: Held) -> None:
        with storage(f"cannot write {self._folder / FILE}"):
            write_file(self._folder / FILE, msgspec.json.encode(held), owner=owner_of(self._folder))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the agent and a command from writing at the same time."""
        with storage(f"cannot write into {self._folder}"):
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


async def exchange(cloud: Cloud, tokens: SlottedToken) -> bool:
    """Get the next token and store it; any call then proves it. Say whether there was one.

    One that has not worked yet is proved first.

    Raises:
        CloudError: There is none to be had now; the one in use stays, except at Bota, where it
            may be gone with a lost answer.
        SpoolError: It cannot be stored; at our gateway the one in use goes on working.
    """
    if await asyncio.to_thread(lambda: tokens.pending):
        return True
    token = await cloud.next_token()
    if token is None:
        return False
    await asyncio.to_thread(tokens.store, token)
    logger.info("The next device token is stored")
    return True


def owner_of(place: Path) -> tuple[int, int] | None:
    """Say whose a file should be that root puts there; None for anybody else's own."""
    if os.geteuid() != 0:
        return None
    state = place.stat()
    return state.st_uid, state.st_gid


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
