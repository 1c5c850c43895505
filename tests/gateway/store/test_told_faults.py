"""What a database that refuses a statement tells: the log repeats it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.errors import Unavailable

pytestmark = pytest.mark.asyncio

HOOK = "https://hooks.example.org/T0/a-secret"
WRONG = text("INSERT INTO nowhere VALUES (:url)")


@pytest.mark.parametrize("kind", ["reading", "writing"])
async def test_values_are_not_told(any_store, kind):
    """They are what people wrote, and addresses that hold secrets."""
    run = getattr(any_store._database, kind)
    with pytest.raises((DBAPIError, Unavailable)) as refused:
        await run(lambda c: c.execute(WRONG, {"url": HOOK}) and None)

    told = f"{refused.value} {refused.value.__cause__}"

    assert "nowhere" in told
    assert HOOK not in told
