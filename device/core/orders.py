"""The life of an order: what the cloud asks to be done, once, in time, and what came of it. Pure.

received → begun → done | failed; received → failed | expired. "Command" is the API's word; in this
program a command is what somebody types.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, assert_never

import msgspec

MOST_AT_ONCE = 50
"""Of one answer; whoever sends more sends the rest again."""
_ID_CHARS, _TYPE_CHARS = 255, 64


class OrderType(StrEnum):
    """What may be asked for (bota-cloud-api §4.4)."""

    START_RECORDING = "start_recording"
    STOP_RECORDING = "stop_recording"
    TRIGGER_UPLOAD = "trigger_upload"
    FACTORY_RESET = "factory_reset"


REPEATABLE = frozenset(
    {OrderType.START_RECORDING, OrderType.STOP_RECORDING, OrderType.TRIGGER_UPLOAD}
)
"""Begun and cut off by a crash, these are carried out again; the others at most once.

A recorder knows an order that it has carried out, and does it no second time.
"""


class OrderState(StrEnum):
    """Where an order stands."""

    RECEIVED = "received"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


OPEN = frozenset({OrderState.RECEIVED, OrderState.BEGUN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as it came; `type` may be one of a later cloud."""

    id: str
    type: str
    params: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an order ended; `error` is a sentence, None where it was carried out."""

    state: OrderState
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    def body(self) -> dict[str, Any]:
        """Say so to the gateway: an order that expired here was not carried out."""
        if self.state is OrderState.DONE:
            return {"status": "executed", "result": dict(self.result)}
        return {"status": "failed", "error": self.error or self.state.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOrder:
    """An order that is on our disk; `reported` once the cloud has acknowledged how it ended."""

    order: Order
    state: OrderState
    received_at: datetime
    outcome: Outcome | None = None
    reported: bool = False


def done(**result: Any) -> Outcome:
    """Say that an order was carried out."""
    return Outcome(state=OrderState.DONE, result=result)


def failed(error: str) -> Outcome:
    """Say that an order was not carried out, in a sentence."""
    return Outcome(state=OrderState.FAILED, error=error)


def step(held: HeldOrder, now: datetime | None) -> OrderType | Outcome | None:
    """Say what comes next for an order.

    Args:
        held: The order.
        now: The true time, None while nobody knows it: an order then counts as in time.

    Returns:
        What is to be carried out, after that was made durable as BEGUN; or how the order ends
        without being carried out; or None for one that has ended.
    """
    match held.state:
        case OrderState.RECEIVED:
            return _first(held.order, now)
        case OrderState.BEGUN:
            known = _known(held.order.type)
            if known not in REPEATABLE:
                return failed("cut off while it was carried out; nobody knows how far it came")
            again = _first(held.order, now)
            return _LATE if isinstance(again, Outcome) else again
        case OrderState.DONE | OrderState.FAILED | OrderState.EXPIRED:
            return None
        case _:
            assert_never(held.state)


def parse_orders(listed: object) -> tuple[Order, ...]:
    """Read orders from an answer; what is none is left out, and hides no other."""
    if isinstance(listed, Mapping):
        listed = [listed]
    if not isinstance(listed, list):
        return ()
    found: dict[str, Order] = {}
    for each in listed:
        if (order := _order(each)) is not None and len(found) < MOST_AT_ONCE:
            found.setdefault(order.id, order)
    return tuple(found.values())


def moment(stated: object) -> datetime | None:
    """Read a time of the API, aware UTC; None for what is none."""
    if not isinstance(stated, str):
        return None
    try:
        read = datetime.fromisoformat(stated)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def keepable(stated: object) -> Mapping[str, Any] | None:
    """Return an object that can be written down as JSON again; None for what is none.

    An answer may hold half a character (a lone surrogate), which no file takes.
    """
    if not isinstance(stated, Mapping):
        return None
    try:
        msgspec.json.encode(stated)
    except (ValueError, TypeError, RecursionError):
        return None
    return stated


_LATE = Outcome(
    state=OrderState.EXPIRED,
    error="its time was over before it was done; nobody knows how far it came",
)


def _first(order: Order, now: datetime | None) -> OrderType | Outcome:
    if now is not None and order.expires_at is not None and order.expires_at <= now:
        return Outcome(state=OrderState.EXPIRED, error="it came too late, or waited too long")
    known = _known(order.type)
    if known is None:
        return failed(f"this version knows no order {order.type!r}")
    return known


def _known(name: str) -> OrderType | None:
    try:
        return OrderType(name)
    except ValueError:
        return None


def _order(stated: object) -> Order | None:
    if not isinstance(stated, Mapping):
        return None
    name, kind = stated.get("id"), stated.get("type")
    params = stated.get("params")
    if params is not None and (params := keepable(params)) is None:
        return None
    if not _is_word(name, _ID_CHARS) or not _is_word(kind, _TYPE_CHARS):
        return None
    return Order(
        id=str(name),
        type=str(kind),
        params=params or {},
        expires_at=moment(stated.get("expires_at")),
    )


def _is_word(stated: object, most_chars: int) -> bool:
    return isinstance(stated, str) and 0 < len(stated) <= most_chars and stated.isprintable()
