"""What a recorder answers to an order to record: the same, however often it is told (§6.10)."""

from device.core.link.answers import RecordIs
from device.core.link.codes import ErrorCode
from device.core.link.requests import ACTION_START, Record
from device.core.link.store import Taker
from device.errors import RecorderRefused


def record(taker: Taker | None, asked: Record) -> RecordIs:
    """Carry an order out once, and tell what it did.

    Raises:
        RecorderRefused: It was not carried out, and is not remembered.
        OSError: The recorder's own storage failed.
    """
    if taker is None:
        raise RecorderRefused("takes no orders to record", wire_code=ErrorCode.UNSUPPORTED)
    take = taker.ordered(asked.order)
    if take is None and asked.action == ACTION_START:
        take = taker.start(asked.order, asked.max_duration_s)
    elif take is None:
        take = taker.stop(asked.order)
    return RecordIs(
        request=asked.request,
        recording=take.recording,
        generation=take.generation,
        going_on=take.going_on,
        since_ms=take.since_ms,
    )
