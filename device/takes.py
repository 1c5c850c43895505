"""Takes: brings an order to start or stop a recording to the recorder that is meant."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from device.core.orders import Order, OrderType, Outcome, done, failed
from device.errors import FieldpostError
from device.model import RecorderId, RecordOrder
from device.reach import Reach

LONGEST_S = 86_400
_VERBS = {OrderType.START_RECORDING: "start", OrderType.STOP_RECORDING: "stop"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A configured recorder; `recorder` is None before it was reached."""

    url: str
    recorder: RecorderId | None
    reach: Reach


async def tell(order: Order, what: OrderType, sites: Sequence[Site]) -> Outcome:
    """Tell the recorder that `params.recorder` names, or the only one that can be told.

    Waits for a recorder that is not there: the caller has a deadline. The same order may be
    brought again, and is then no second one.
    """
    verb = _VERBS[what]
    site = _meant(order, verb, sites)
    if isinstance(site, Outcome):
        return site
    asked = _asked(order, what)
    if isinstance(asked, Outcome):
        return asked
    try:
        take = await site.reach.record(asked)
    except FieldpostError as error:
        return failed(f"{site.url}: {error}")
    if take is None:
        return failed(f"{site.url} cannot be told to {verb} a recording")
    started = {} if take.started_at is None else {"started_at": take.started_at.isoformat()}
    return done(recorder=take.key.recorder, recording_id=take.key.recording, **started)


def _meant(order: Order, verb: str, sites: Sequence[Site]) -> Site | Outcome:
    named = order.params.get("recorder")
    if named is not None:
        found = [each for each in sites if named in (each.url, each.recorder)]
        if found:
            return found[0]
        return failed(f"no recorder here is {named!r}; there is {_listed(sites)}")
    # One that was never reached may be able: a guess could start the wrong one.
    able = [each for each in sites if each.reach.can_record is not False]
    match able:
        case []:
            return failed(f"no recorder here can be told to {verb} a recording")
        case [only]:
            return only
        case _:
            return failed(f"params.recorder must name one of {_listed(able)}")


def _asked(order: Order, what: OrderType) -> RecordOrder | Outcome:
    longest_s = order.params.get("max_duration_sec")
    if longest_s is not None and not (type(longest_s) is int and 1 <= longest_s <= LONGEST_S):
        return failed(f"params.max_duration_sec is a whole number from 1 to {LONGEST_S}")
    start = what is OrderType.START_RECORDING
    return RecordOrder(
        id=hashlib.sha256(order.id.encode()).digest()[:16],
        start=start,
        max_duration_s=longest_s if start else None,
    )


def _listed(sites: Sequence[Site]) -> str:
    return ", ".join(each.recorder or each.url for each in sites) or "none"
