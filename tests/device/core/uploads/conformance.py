"""What every upload protocol must do, driven against a store that fails at any step."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from device.core.uploads import (
    Advanced,
    Broken,
    Cargo,
    Complete,
    Conflict,
    Expired,
    Gone,
    Outcome,
    Refused,
    Request,
    Response,
)
from device.core.uploads.abreast import answered, next_beside
from device.core.uploads.classify import begin, resume
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


@dataclass(frozen=True)
class Says:
    """The store is unwell or refuses: it answers this and does nothing."""

    status: int


@dataclass(frozen=True)
class Vanishes:
    """Just before the request the upload session is no more."""


@dataclass(frozen=True)
class Expires:
    """Just before the request every URL and token handed out so far dies."""


@dataclass(frozen=True)
class FallsBack:
    """Just before the request the store loses the end of what it had acknowledged."""


@dataclass(frozen=True)
class RunsAhead:
    """Just before the request the store turns out to hold more than it had said."""


Mishap = LostAnswer | CutAfter | Says
Upset = Vanishes | Expires | FallsBack | RunsAhead
Event = Whole | Mishap | Upset


class Store(Protocol):
    """A store double with the targets that lead to it; it refuses whatever a real one would."""

    protocol: str

    def target(self) -> Target:
        """Hand out a fresh target; an upload that is gone begins anew."""
        ...

    def take(self, request: Request, body: bytes) -> Response:
        """Take what arrived of a request."""
        ...

    def content(self) -> bytes | None:
        """Show the object, None as long as it is not there."""
        ...

    def vanish(self) -> None: ...

    def expire(self) -> None: ...

    def fall_back(self) -> None: ...

    def run_ahead(self, content: bytes) -> None: ...


@dataclass
class Journey:
    """How one upload went."""

    outcomes: list[Outcome] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    sent_bytes: int = 0
    mishaps: int = 0
    most_under_way: int = 0
    upsets: int = 0


def saved(session: UploadSession) -> UploadSession:
    """Give the session back as the spool does: only what is persisted survives."""
    return replace(session, state=json.loads(json.dumps(dict(session.state))))


def drive(
    store: Store,
    cargo: Cargo,
    content: bytes,
    events: Iterable[Event],
    *,
    restart_at: int | None = None,
) -> Journey:
    """Run an upload to its end; after `events` every request goes well.

    As medium_upload does: `Expired` goes on with a fresh target and the same state, `Gone` begins
    anew, and upload-complete judges `Complete`: an object that is not there is sent again. With
    `restart_at`, the protocol is thrown away after that many requests and opened from its session.
    """
    protocol = begin(store.target(), cargo, store.protocol)
    journey = Journey()
    script = iter(events)
    for number in range(500):
        if number == restart_at:
            protocol = resume(saved(protocol.session), cargo)
        request = protocol.next_request()
        assert request == protocol.next_request(), "asking twice changes nothing"
        journey.requests.append(request)
        answer = _met(store, request, content, next(script, Whole()), journey)
        outcome = protocol.received(answer)
        journey.outcomes.append(outcome)
        match outcome:
            case Complete() if store.content() is None and journey.upsets:
                protocol = begin(store.target(), cargo, store.protocol)
            case Complete():
                assert len(content) == protocol.offset
                return journey
            case Advanced(offset) | Conflict(offset):
                assert offset == protocol.offset
            case Gone():
                protocol = begin(store.target(), cargo, store.protocol)
            case Expired():
                fresh = replace(saved(protocol.session), target=store.target())
                protocol = resume(fresh, cargo)
            case Refused(reason):
                raise AssertionError(reason)
            case _:
                pass
    raise AssertionError("never complete")


def drive_abreast(  # noqa: PLR0913 - a suite takes what it runs over
    store: Store,
    cargo: Cargo,
    content: bytes,
    events: Iterable[Event],
    *,
    lanes: int,
    turns: Iterable[int],
    restart_at: int | None = None,
) -> Journey:
    """Run an upload to its end with up to so many requests under way; they arrive by `turns`.

    As medium_upload does: after trouble nothing more is sent until the rest has landed; what ends
    the upload, or the agent, cuts what is under way.
    """
    protocol = begin(store.target(), cargo, store.protocol)
    journey = Journey()
    script, which = iter(events), iter(turns)
    under_way: list[Request] = []
    troubled = False
    for number in range(1000):
        if number == restart_at:
            _cut_all(store, under_way, content, journey)
            protocol, troubled = resume(saved(protocol.session), cargo), False
        while not troubled and len(under_way) < lanes:
            request = next_beside(protocol, under_way)
            assert request == next_beside(protocol, under_way), "asking twice changes nothing"
            if request is None:
                assert under_way, "it waits for nothing"
                break
            assert all(request.body_offset != other.body_offset for other in under_way)
            under_way.append(request)
            journey.most_under_way = max(journey.most_under_way, len(under_way))
        request = under_way.pop(next(which, 0) % len(under_way))
        journey.requests.append(request)
        answer = _met(store, request, content, next(script, Whole()), journey)
        outcome = answered(protocol, request, answer)
        journey.outcomes.append(outcome)
        if isinstance(outcome, Complete | Gone | Expired | Refused):
            assert not under_way or not isinstance(outcome, Complete), (
                "complete with some unanswered"
            )
            _cut_all(store, under_way, content, journey)
        trouble = not isinstance(outcome, Advanced | Conflict)
        troubled = (troubled or trouble) and bool(under_way)
        match outcome:
            case Complete() if store.content() is not None or not journey.upsets:
                assert len(content) == protocol.offset
                return journey
            case Complete() | Gone():
                protocol = begin(store.target(), cargo, store.protocol)
            case Expired():
                fresh = replace(saved(protocol.session), target=store.target())
                protocol = resume(fresh, cargo)
            case Refused(reason):
                raise AssertionError(reason)
            case _:
                pass
    raise AssertionError("never complete")


def _cut_all(store: Store, under_way: list[Request], content: bytes, journey: Journey) -> None:
    """Cut what is under way: every other request arrives whole, and nobody hears of it."""
    for number, request in enumerate(under_way):
        _met(store, request, content, LostAnswer() if number % 2 else CutAfter(0.5), journey)
    under_way.clear()


def _met(
    store: Store, request: Request, content: bytes, event: Event, journey: Journey
) -> Response | Broken:
    body = request.content or content[request.body_offset :][: request.body_bytes]
    assert len(request.content) + request.body_bytes == len(body), "one body, within the medium"
    match event:
        case Vanishes():
            store.vanish()
        case Expires():
            store.expire()
        case FallsBack():
            store.fall_back()
        case RunsAhead():
            store.run_ahead(content)
        case Says(status):
            journey.mishaps += 1
            return Response(status=status)
        case CutAfter(share):
            body = body[: int(len(body) * share)]
    journey.upsets += isinstance(event, Upset)
    if request.body_bytes:
        journey.sent_bytes += len(body)
    answer = store.take(request, body)
    if isinstance(event, LostAnswer | CutAfter):
        journey.mishaps += 1
        return Broken("cut")
    return answer


def check_any_journey(  # noqa: PLR0913 - a suite takes what it runs over
    store: Store,
    cargo: Cargo,
    content: bytes,
    events: list[Event],
    *,
    grain_bytes: int,
    restart_at: int | None = None,
) -> Journey:
    """It ends complete with exactly the bytes.

    Each cut, lost answer or restart costs at most one grain; each upset at most the medium.
    """
    journey = drive(store, cargo, content, events, restart_at=restart_at)

    assert content == store.content()
    grains = (journey.mishaps + (restart_at is not None)) * grain_bytes
    assert journey.sent_bytes <= len(content) + grains + journey.upsets * len(content)
    return journey
