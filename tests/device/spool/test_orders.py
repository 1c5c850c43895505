"""Orders in the spool: durable before they are begun, known again by their id."""

from datetime import UTC, datetime

from device.core.orders import Order, OrderState, Outcome, done, failed
from device.spool.order_rows import MOST_ORDERS
from device.spool.reader import read_only

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order(name: str = "cmd_1") -> Order:
    return Order(id=name, type="trigger_upload", params={"a": [1]}, expires_at=NOON)


def test_an_order_survives_a_restart(reopen):
    """With all that it said, and where it stands."""
    reopen().receive_orders([order()])
    spool = reopen()
    spool.begin_order("cmd_1")
    (held,) = reopen().orders()

    assert order() == held.order
    assert (OrderState.BEGUN, None, False) == (held.state, held.outcome, held.reported)


def test_an_order_is_known_again(spool):
    """The same id is the same order, however often it comes and however it ended."""
    assert 1 == spool.receive_orders([order()])
    spool.end_order("cmd_1", done(pending=2))

    assert 0 == spool.receive_orders([order()])
    assert done(pending=2) == spool.orders()[0].outcome


def test_how_an_order_ended_stays(spool):
    """What has ended is neither begun again nor ended otherwise."""
    spool.receive_orders([order()])
    spool.end_order("cmd_1", failed("no"))
    spool.begin_order("cmd_1")
    spool.end_order("cmd_1", done())
    (held,) = spool.orders()

    assert (OrderState.FAILED, failed("no")) == (held.state, held.outcome)


def test_what_was_reported(reopen):
    """It is not told once more after a restart."""
    spool = reopen()
    spool.receive_orders([order()])
    spool.end_order("cmd_1", Outcome(state=OrderState.EXPIRED, error="late"))
    spool.order_reported("cmd_1")

    assert reopen().orders()[0].reported


def test_the_oldest_that_have_ended_make_room(spool):
    """What is still to be done stays, however old."""
    spool.receive_orders([order("open"), order("ended")])
    spool.end_order("ended", done())
    spool.receive_orders([order(f"cmd_{n}") for n in range(MOST_ORDERS)])
    names = [held.order.id for held in spool.orders()]

    assert MOST_ORDERS + 1 == len(names)
    assert "open" in names
    assert "ended" not in names


def test_orders_are_seen_without_the_lock(spool):
    """As `status` looks at them."""
    spool.receive_orders([order()])
    with read_only(spool.root) as reader:
        assert order() == reader.orders()[0].order


def test_a_row_that_cannot_be_read_hides_no_other(spool):
    """What another version wrote is left alone."""
    spool.receive_orders([order("bad"), order()])
    spool._journal.run(
        lambda connection: (
            connection.execute(
                "UPDATE received_order SET state = 'dreamt_of' WHERE id = 'bad'"
            ).rowcount
        )
    )

    assert [order()] == [held.order for held in spool.orders()]
