"""Orders: each is read by itself, expires by the true time, and is carried out at most so often."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.core.orders import (
    MOST_AT_ONCE,
    REPEATABLE,
    HeldOrder,
    Order,
    OrderState,
    OrderType,
    Outcome,
    done,
    failed,
    parse_orders,
    step,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "type", "params", "expires_at", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def held(
    state: OrderState = OrderState.RECEIVED, kind: str = "trigger_upload", expires_at=None
) -> HeldOrder:
    order = Order(id="cmd_1", type=kind, expires_at=expires_at)
    return HeldOrder(order=order, state=state, received_at=NOON)


def test_an_order_as_the_gateway_writes_it():
    """Id, type, parameters and end are taken over."""
    stated = {
        "id": "cmd_1",
        "type": "start_recording",
        "params": {"max_duration_sec": 60},
        "expires_at": "2026-03-01T12:05:00Z",
        "grant_token": "ey…",
    }

    assert (
        Order(
            id="cmd_1",
            type="start_recording",
            params={"max_duration_sec": 60},
            expires_at=LATER,
        ),
    ) == parse_orders([stated])


@pytest.mark.parametrize(
    "junk",
    [
        None,
        "trigger_upload",
        {"type": "trigger_upload"},
        {"id": "", "type": "trigger_upload"},
        {"id": 7, "type": "trigger_upload"},
        {"id": "cmd_2\n", "type": "trigger_upload"},
        {"id": "cmd_2"},
        {"id": "c" * 256, "type": "trigger_upload"},
        {"id": "cmd_2", "type": "trigger_upload", "params": [1]},
    ],
)
def test_junk_hides_no_order(junk):
    """What cannot be an order is left out, and the next one is taken."""
    found = parse_orders([junk, {"id": "cmd_1", "type": "trigger_upload", "expires_at": "soon"}])

    assert (Order(id="cmd_1", type="trigger_upload"),) == found


def test_an_answer_names_an_order_once():
    """The same id twice is one order, and nobody sends thousands."""
    many = [{"id": f"cmd_{n % 60}", "type": "trigger_upload"} for n in range(1000)]

    assert MOST_AT_ONCE == len({each.id for each in parse_orders(many)}) == len(parse_orders(many))


@given(json)
def test_nothing_raises(stated):
    """Whatever an answer holds, orders are what has an id and a type."""
    assert all(each.id and each.type for each in parse_orders(stated))


@pytest.mark.parametrize("kind", OrderType)
def test_a_known_order_is_carried_out(kind):
    """In time, or while nobody knows the time."""
    order = held(kind=kind, expires_at=LATER)

    assert kind is step(order, NOON)
    assert kind is step(order, None)


@pytest.mark.parametrize("state", [OrderState.RECEIVED, OrderState.BEGUN])
def test_what_is_late_is_not_carried_out(state):
    """From the very second at which it expires."""
    ended = step(held(state, expires_at=NOON), NOON)

    assert isinstance(ended, Outcome)
    assert OrderState.EXPIRED is ended.state


def test_an_order_of_a_later_cloud_fails():
    """It is answered for, in a sentence that names it."""
    ended = step(held(kind="make_coffee"), NOON)

    assert failed("this version knows no order 'make_coffee'") == ended


@pytest.mark.parametrize("kind", OrderType)
def test_what_a_restart_cut_off(kind):
    """What does no harm twice is carried out again; nothing else ever is."""
    onwards = step(held(OrderState.BEGUN, kind), NOON)

    assert (kind in REPEATABLE) == (onwards is kind)


@pytest.mark.parametrize("state", [OrderState.DONE, OrderState.FAILED, OrderState.EXPIRED])
def test_what_has_ended_is_over(state):
    """Nothing comes next."""
    assert step(held(state), NOON) is None


def test_how_it_is_told():
    """An order that expired here failed, to the gateway."""
    expired = Outcome(state=OrderState.EXPIRED, error="too late")

    assert {"status": "executed", "result": {"pending": 2}} == done(pending=2).body()
    assert {"status": "failed", "error": "no"} == failed("no").body()
    assert {"status": "failed", "error": "too late"} == expired.body()
