"""Phones, their codes and their visits in a database."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gateway.errors import CodeRefused
from gateway.model_phones import Phone, PhoneCode, PhoneVisit, VisitState
from gateway.store import phones as module

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=15)
CODE = PhoneCode(
    id="phc_1",
    code_hash="c" * 64,
    name="Anna's phone",
    end_user_id="eu_42",
    created_at=NOW,
    expires_at=LATER,
)


def phone(name="a", at=NOW):
    return Phone(id=f"phn_{name}", name="", token_hash=name * 64, created_at=at)


def visit(number=1, **more):
    fields = {"state": VisitState.SYNCING, "began_at": NOW, "heard_at": NOW, **more}
    return PhoneVisit(id=f"vis_{number}", phone_id="phn_a", **fields)


@pytest_asyncio.fixture
async def phones(any_store):
    await any_store.phones.add_code(CODE)
    return any_store.phones


async def test_a_phone_is_paired_once(phones):
    """It gets the code's name and end user, and is found by its token's hash."""
    paired = await phones.pair("c" * 64, phone())
    with pytest.raises(CodeRefused):
        await phones.pair("c" * 64, phone("b"))

    assert ("Anna's phone", "eu_42") == (paired.name, paired.end_user_id)
    assert paired == await phones.phone("a" * 64)
    assert [paired] == await phones.all()
    assert await phones.phone("b" * 64) is None


async def test_of_two_phones_at_once_one_is_paired(phones):
    """Whichever comes first."""
    pairs = [phones.pair("c" * 64, phone(name)) for name in "ab"]
    answers = await asyncio.gather(*pairs, return_exceptions=True)

    assert 1 == sum(isinstance(each, CodeRefused) for each in answers)
    assert 1 == len(await phones.all())


async def test_a_code_that_is_over_pairs_nothing(phones):
    """From its last moment on; the next code takes its place."""
    with pytest.raises(CodeRefused):
        await phones.pair("c" * 64, phone(at=LATER))
    until = LATER + timedelta(minutes=15)
    await phones.add_code(dataclasses.replace(CODE, id="phc_2", created_at=LATER, expires_at=until))

    assert await phones.pair("c" * 64, phone(at=LATER))


async def test_a_revoked_phone_is_told(phones):
    """When it was revoked first; nobody else's is."""
    await phones.pair("c" * 64, phone())
    first = await phones.revoke("phn_a", NOW)
    again = await phones.revoke("phn_a", LATER)

    assert (NOW, NOW) == (first.revoked_at, again.revoked_at)
    assert {"phn_a"} == await phones.revoked(["phn_a", "phn_b"])
    assert set() == await phones.revoked([])
    assert await phones.revoke("phn_b", NOW) is None


async def test_a_phone_is_seen(phones):
    """The last time counts."""
    await phones.pair("c" * 64, phone())
    await phones.seen("phn_a", LATER)

    assert LATER == (await phones.phone("a" * 64)).seen_at


async def test_a_visit_is_kept_as_it_goes(phones):
    """The same visit again is the same row."""
    await phones.pair("c" * 64, phone())
    await phones.keep_visit(visit())
    done = visit(state=VisitState.DONE, ended_at=LATER, standing={"recordings": []}, recorder="A")
    await phones.keep_visit(done)

    assert [done] == await phones.visits("phn_a", 10)


async def test_visits_are_listed_newest_first_and_bounded(phones, monkeypatch):
    """Old ones are forgotten."""
    monkeypatch.setattr(module, "KEPT_VISITS", 3)
    await phones.pair("c" * 64, phone())
    for number in range(5):
        await phones.keep_visit(visit(number))
    ids = [each.id for each in await phones.visits("phn_a", 10)]

    assert ["vis_4", "vis_3", "vis_2"] == ids
    assert ["vis_4"] == [each.id for each in await phones.visits("phn_a", 1)]
