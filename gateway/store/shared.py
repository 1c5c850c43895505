"""Seams of what the processes of one gateway know of each other."""

from typing import Protocol


class Leases(Protocol):
    """What only one process may do at a time; times are the database's own."""

    async def hold(self, name: str, holder: str, for_s: float) -> bool:
        """Take a lease, or hold it for longer; False while it is somebody else's.

        Who holds it stops before `for_s` is over, or holds it again: others take it then.
        """
        ...

    async def drop(self, name: str, holder: str) -> None:
        """Let go of a lease, if it is this holder's; repeatable."""
        ...


def refusing(medium_id: str) -> str:
    """Name the lease of whoever puts a medium's object aside: nobody finishes the medium then."""
    return f"refusing {medium_id}"


class Agreements(Protocol):
    """What must be the same for all processes."""

    async def agree(self, name: str, value: str) -> bool:
        """Say whether a value is the one that holds; the first one does."""
        ...

    async def adopt(self, name: str, value: str) -> None:
        """Let a value hold from now on."""
        ...
