"""What every upload protocol must do, driven against a store that is cut at any byte."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from device.core.uploads import (
    Advanced,
    Broken,
    Complete,
    Conflict,
    Outcome,
    Request,
    Response,
    UploadProtocol,
)
from device.model import Target, UploadSession

TARGET = Target(
    url="https://store.example/object?signature=s%2Fs", headers=(("Content-Type", "a/b"),)
)


@dataclass(frozen=True)
class Whole:
    """A request that arrives and whose answer arrives."""


@dataclass(frozen=True)
class LostAnswer:
    """A request that arrives whole and whose answer does not."""


@dataclass(frozen=True)
class CutAfter:
    """A request of which this share of the body arrives, and no answer."""

    share: float


Event = Whole | LostAnswer | CutAfter


class Store(Protocol):
    """A store double: takes what arrived of a request, answers, and shows what it holds."""

    def take(self, request: Request, body: bytes) -> Response: ...

    def content(self) -> bytes | None: ...


@dataclass
class Journey:
    """How one upload went."""

    outcomes: list[Outcome]
    sent_bytes: int
    cuts: int


def drive(
    make: Callable[[UploadSession | None], UploadProtocol],
    store: Store,
    content: bytes,
    events: Iterable[Event],
    *,
    restart_at: int | None = None,
) -> Journey:
    """Run an upload to its end; after `events` every request goes well.

    With `restart_at`, the protocol is thrown away after that many requests and opened again from
    its session, as after a crash.
    """
    protocol = make(None)
    journey = Journey(outcomes=[], sent_bytes=0, cuts=0)
    script = iter(events)
    for number in range(10_000):
        if number == restart_at:
            protocol = make(protocol.session)
        request = protocol.next_request()
        assert request == protocol.next_request(), "asking twice changes nothing"
        event = next(script, Whole())
        body = content[request.body_offset :][: request.body_bytes]
        assert request.body_bytes == len(body)
        if isinstance(event, CutAfter):
            body = body[: int(len(body) * event.share)]
        answer: Response | Broken = store.take(request, body)
        if not isinstance(event, Whole):
            answer = Broken("cut")
            journey.cuts += 1
        journey.sent_bytes += len(body)
        outcome = protocol.received(answer)
        journey.outcomes.append(outcome)
        match outcome:
            case Complete():
                assert len(content) == protocol.offset
                return journey
            case Advanced(offset) | Conflict(offset):
                assert offset == protocol.offset
            case _:
                pass
    raise AssertionError("never complete")


def check_any_journey(  # noqa: PLR0913 - a suite takes what it runs over
    make: Callable[[UploadSession | None], UploadProtocol],
    store: Store,
    content: bytes,
    events: list[Event],
    *,
    grain_bytes: int,
    restart_at: int | None = None,
) -> None:
    """It ends complete with exactly the bytes, and each cut or restart costs at most one grain."""
    journey = drive(make, store, content, events, restart_at=restart_at)

    assert content == store.content()
    mishaps = journey.cuts + (restart_at is not None)
    assert journey.sent_bytes <= len(content) + mishaps * grain_bytes
