"""What the cloud asked to be done, in the spool: kept before it is begun, and until it is told."""

from collections.abc import Sequence

from device.core.orders import HeldOrder, Order, OrderState, Outcome
from device.spool import order_rows
from device.spool.holding import Holding


class Ordering(Holding):
    """See `Spool`: orders of the cloud."""

    def receive_orders(self, orders: Sequence[Order]) -> int:
        """Keep orders, and say how many were not known by their id."""
        return self._journal.run(order_rows.receive, orders, self._clock.now())

    def orders(self) -> tuple[HeldOrder, ...]:
        """Look up all that are kept, as they came."""
        return self._reader.orders()

    def begin_order(self, order: str) -> None:
        """Keep that an order is about to be carried out."""
        self._journal.run(order_rows.move, order, OrderState.BEGUN, None)

    def end_order(self, order: str, outcome: Outcome) -> None:
        """Keep how an order ended; one that has ended stays as it is."""
        self._journal.run(order_rows.move, order, outcome.state, outcome)

    def order_reported(self, order: str) -> None:
        """Keep that the cloud knows how an order ended."""
        self._journal.run(order_rows.reported, order)
