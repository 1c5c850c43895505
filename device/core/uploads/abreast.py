"""Several requests of one upload on their way together, where a protocol's parts allow it."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol, TypeGuard, runtime_checkable

from device.core.uploads import Broken, Outcome, Request, Response, UploadProtocol


@runtime_checkable
class Abreast(Protocol):
    """An `UploadProtocol` some of whose requests do not wait for each other's answers.

    `next_request()` is `next_beside(())`, and `received` is told of that one.
    """

    def next_beside(self, under_way: Sequence[Request]) -> Request | None:
        """Say what to send beside requests that are not answered; None: wait for an answer.

        Repeatable, and never None while nothing is under way.
        """
        ...

    def answered(self, request: Request, answer: Response | Broken) -> Outcome:
        """Take the answer to one of the requests under way, in whatever order they come."""
        ...


@cache
def _is_abreast(kind: type) -> bool:
    # Kept by type: to look at every object again costs more than all else that is done for one.
    return issubclass(kind, Abreast)


def _abreast(protocol: UploadProtocol) -> TypeGuard[Abreast]:
    return _is_abreast(type(protocol))


def next_beside(protocol: UploadProtocol, under_way: Sequence[Request]) -> Request | None:
    """Say what any protocol sends next beside requests that are not answered."""
    if _abreast(protocol):
        return protocol.next_beside(under_way)
    return None if under_way else protocol.next_request()


def answered(protocol: UploadProtocol, request: Request, answer: Response | Broken) -> Outcome:
    """Give any protocol the answer to one request."""
    if _abreast(protocol):
        return protocol.answered(request, answer)
    return protocol.received(answer)
