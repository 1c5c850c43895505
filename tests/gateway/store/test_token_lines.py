"""Refreshes, codes and uses in any order: nobody is locked out, and what is over is over."""

import dataclasses
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select

from gateway.model import Device, DeviceToken, EnrolCode
from gateway.store.devices import _only_token, _succeed, _token, _used
from gateway.store.enrolments import _add, _redeem
from gateway.store.schema import device_tokens, devices, metadata

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 3, 2, tzinfo=UTC)
DEVICE = Device(id="dev_1", serial_number="AM-07", created_at=NOW, updated_at=NOW)


class Box:
    """All tokens that were ever handed out for one device, and what can be done with them."""

    def __init__(self, connection):
        self.connection = connection
        connection.execute(insert(devices).values(**dataclasses.asdict(DEVICE)))
        _only_token(connection, token("first"))
        self.handed_out = ["first"]

    def live(self):
        query = select(device_tokens.c.id).where(device_tokens.c.revoked_at.is_(None))
        return set(self.connection.execute(query).scalars())

    def known(self, name):
        return _token(self.connection, name)

    def use(self, name):
        if self.known(name).first_used_at is None:
            _used(self.connection, self.known(name), NOW)

    def refresh(self, name):
        """As the door and the desk do it: whoever asks has used its token by that."""
        self.use(name)
        parent = self.known(name)
        successor = token(f"{name}+", parent_id=parent.id, enrolment=parent.enrolment)
        _succeed(self.connection, parent, successor)
        if successor.id not in self.handed_out:
            self.handed_out.append(successor.id)

    def enrol(self):
        name = f"code{len(self.handed_out)}"
        code = EnrolCode(
            id=name, device_id="dev_1", code_hash=name, created_at=NOW, expires_at=LATER
        )
        _add(self.connection, code)
        _redeem(self.connection, name, token(name))
        self.handed_out.append(name)

    def line(self, name):
        return self.known(name).enrolment


def token(name, **more):
    return DeviceToken(id=name, device_id="dev_1", token_hash=name, created_at=NOW, **more)


@settings(max_examples=40)  # each makes a database
@given(
    st.lists(
        st.tuples(st.sampled_from(["use", "refresh", "enrol"]), st.integers(0, 7)), max_size=14
    )
)
def test_a_box_always_has_a_way_in_and_never_two_old_ones(steps):
    """The newest enrolment stays good; a used token leaves only itself and what came after it."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        box = Box(connection)
        for what, which in steps:
            if what == "enrol":
                box.enrol()
                continue
            live = [each for each in box.handed_out if each in box.live()]
            name = live[which % len(live)]
            getattr(box, what)(name)
            left = box.live()
            mine = {each for each in left if box.line(each) == box.line(name)}

            assert name in left
            assert mine <= {name, f"{name}+"}
            assert all(box.line(each) >= box.line(name) for each in left)
        newest = max(box.line(each) for each in box.handed_out)

        assert newest in {box.line(each) for each in box.live()}
    engine.dispose()
