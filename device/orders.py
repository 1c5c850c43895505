"""Orders: has done what the cloud asks for, once, and tells how it went until that is heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from device.cloud import Cloud
from device.core.orders import (
    HeldOrder,
    Order,
    OrderType,
    Outcome,
    done,
    failed,
    step,
)
from device.daytime import Daytime
from device.errors import CloudConflict, CloudRejected, FieldpostError
from device.model import State
from device.spool.spool import Spool
from device.words import count

logger = logging.getLogger(__name__)

_UNRELEASED = (State.PULLING, State.SEALED, State.QUARANTINED, State.STORED)
PATIENCE_S = 20.0
"""How long recorders are waited for in all, of each time: the next heartbeat must not be late."""


@dataclass(kw_only=True)
class Orders:
    """The orders of one cloud, in the spool. Not for two tasks at once."""

    spool: Spool
    cloud: Cloud
    daytime: Daytime
    upload: Callable[[], Awaitable[None]]
    """Looks at every recorder and sends what waits, now."""
    record: Callable[[Order, OrderType], Awaitable[Outcome]]
    """Has a recorder start or stop a recording; waits until it is there."""
    forget: Callable[[], Awaitable[None]] | None
    """Forgets the token and the cloud's settings; None where the operator does not allow it."""

    async def take(self, orders: Sequence[Order]) -> None:
        """Keep what has come; those that are known already are left alone.

        Raises:
            SpoolError: Our own disk does not take them; nothing is begun.
        """
        if orders and (new := await asyncio.to_thread(self.spool.receive_orders, orders)):
            logger.info("Orders came", extra={"new": new, "types": [each.type for each in orders]})

    async def carry_out(self) -> bool:
        """Carry out what is open, in the order in which it came; say whether there was anything.

        Each is durable as begun before it is, and as ended after it. One whose recorder is not
        there stays open until it expires.

        Raises:
            SpoolError: Our own disk fails; what is open stays open.
        """
        worked = False
        until_s = asyncio.get_running_loop().time() + PATIENCE_S
        for held in await asyncio.to_thread(self.spool.orders):
            due = step(held, self.daytime.utc())
            if isinstance(due, OrderType):
                outcome = await self._begin(held, due, until_s)
            else:
                outcome = due
            if outcome is None:
                continue
            worked = True
            await asyncio.to_thread(self.spool.end_order, held.order.id, outcome)
            extra = {"order": held.order.id, "type": held.order.type, "error": outcome.error}
            logger.info("An order has ended", extra={**extra, "state": outcome.state})
        return worked

    async def report(self) -> None:
        """Tell how orders ended, until the cloud has taken it, or will never take it.

        Raises:
            CloudError: It cannot be told now; the rest waits.
            SpoolError: Our own disk fails.
        """
        for held in await asyncio.to_thread(self.spool.orders):
            if held.outcome is not None and not held.reported:
                await self._tell(held.order, held.outcome)
                await asyncio.to_thread(self.spool.order_reported, held.order.id)

    async def _begin(self, held: HeldOrder, what: OrderType, until_s: float) -> Outcome | None:
        await asyncio.to_thread(self.spool.begin_order, held.order.id)
        try:
            return await self._do(held.order, what, until_s)
        except FieldpostError as error:
            return failed(str(error))

    async def _do(self, order: Order, what: OrderType, until_s: float) -> Outcome | None:
        match what:
            case OrderType.START_RECORDING | OrderType.STOP_RECORDING:
                return await self._record(order, what, until_s)
            case OrderType.TRIGGER_UPLOAD:
                await self.upload()
                waiting = await asyncio.to_thread(self.spool.ids, State.SEALED)
                return done(pending_recordings=len(waiting))
            case OrderType.FACTORY_RESET:
                return await self._reset(order)
            case _:
                assert_never(what)

    async def _record(self, order: Order, what: OrderType, until_s: float) -> Outcome | None:
        try:
            async with asyncio.timeout_at(until_s):
                return await self.record(order, what)
        except TimeoutError:
            return None if order.expires_at is not None else failed("the recorder is not there")

    async def _reset(self, order: Order) -> Outcome:
        """Forget who we are; never a recording."""
        if self.forget is None:
            return failed("this box does not allow it: [device] allow_factory_reset is false")
        left = len(await asyncio.to_thread(self.spool.ids, *_UNRELEASED))
        if left:
            noun = count(left, "recording is", "recordings are")
            return failed(f"{noun} not released yet, and none would be sent without a token")
        outcome = done(forgotten=["token", "settings"])
        # Afterwards there is no token to say it with.
        try:
            await self._tell(order, outcome)
            await asyncio.to_thread(self.spool.order_reported, order.id)
        except FieldpostError as error:
            logger.warning("A reset cannot be announced", extra={"reason": str(error)})
        await self.forget()
        logger.warning("This box was reset by its cloud: it has no token any more")
        return outcome

    async def _tell(self, order: Order, outcome: Outcome) -> None:
        try:
            await self.cloud.answer_order(order.id, outcome.body())
        except (CloudRejected, CloudConflict) as error:
            # It has forgotten the order, or holds it for over: nothing changes that.
            logger.info(
                "How an order ended is not wanted",
                extra={"order": order.id, "reason": str(error), "state": outcome.state},
            )
