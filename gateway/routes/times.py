"""Times in requests: always UTC, and within the calendar."""

from datetime import UTC, datetime

from gateway.errors import InvalidRequest

UNSET = datetime.fromtimestamp(0, UTC)
"""Stands where the desk puts its own clock's time."""


def utc(name: str, at: datetime | None) -> datetime | None:
    """Turn to UTC, so that the first answer and every later one are the same.

    Raises:
        InvalidRequest: UTC has no year for it; names the field.
    """
    try:
        return None if at is None else at.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(
            f"{name} is not within the years 1 to 9999 of UTC", details={"field": name}
        ) from None
