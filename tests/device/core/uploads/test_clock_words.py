"""Refusals that name the time, and whose clock is off."""

from datetime import UTC, datetime, timedelta

import pytest

from device.core.uploads import Expired, Response
from device.core.uploads.clock_words import explained
from device.core.uploads.refusals import refusal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = {"date": "Sun, 01 Mar 2026 12:00:00 GMT"}


def _xml(code: str, message: str = "no") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "headers", "time"),
    [
        (403, _xml("RequestTimeTooSkewed"), DATE, NOON),
        (403, _xml("AccessDenied", "Request has expired"), DATE, NOON),
        (403, _xml("AccessDenied", "Request is not yet valid"), DATE, NOON),
        (403, b'{"detail": "this upload URL has expired"}', DATE, NOON),
        (403, _xml("AuthenticationFailed") + b"not in the specified time frame: ", DATE, NOON),
        (403, _xml("RequestTimeTooSkewed"), {}, None),
        (403, _xml("SignatureDoesNotMatch"), DATE, None),
        (403, b"", DATE, None),
        (400, _xml("ExpiredToken", "it has expired"), DATE, None),
    ],
)
def test_a_403_that_names_the_time_brings_the_stores_time(
    status: int, body: bytes, headers: dict[str, str], time: datetime | None
) -> None:
    """Of the stores' words for it, and only where its answer has a Date."""
    outcome = refusal(Response(status=status, headers=headers, body=body))

    assert isinstance(outcome, Expired)
    assert time == outcome.store_time


@pytest.mark.parametrize(
    ("ours_s", "words"),
    [
        (-11_520, "3 h 12 min behind the store's"),
        (11_520, "3 h 12 min ahead of the store's"),
        (-120, "2 min behind the store's"),
        (3_600, "1 h ahead of the store's"),
        (-20_000 * 86_400, "20000 d behind the store's"),
    ],
)
def test_a_clock_that_is_off_is_told_with_size_and_side(ours_s: float, words: str) -> None:
    """And with what to do about it."""
    told = explained(Expired("HTTP 403", store_time=NOON), NOON + timedelta(seconds=ours_s))

    assert f"HTTP 403; this machine's clock is {words}: set it (timedatectl set-ntp true)" == told


def test_a_clock_that_is_right_points_at_the_other_one() -> None:
    """The URL was signed by a clock, and that is not ours."""
    told = explained(Expired("HTTP 403", store_time=NOON), NOON + timedelta(seconds=80))

    assert "this machine's clock agrees with the store's, so it is that of whoever signed" in told


def test_nothing_is_said_of_clocks_where_time_was_not_the_reason() -> None:
    """Most refusals have nothing to do with it."""
    assert "HTTP 403" == explained(Expired("HTTP 403"), NOON)
