"""What to say of a refusal that names the time: how far this machine's clock is off the store's."""

import re
from datetime import datetime

from device.core.http_answer import server_time
from device.core.uploads import Expired, Response
from device.words import span

_NAMES_TIME = re.compile(
    rb"RequestTimeTooSkewed|RequestExpired|has expired|time frame|not yet valid|"
    rb"request time and the (?:current|server)",
    re.IGNORECASE,
)
_FORBIDDEN = frozenset({401, 403})
_NOTICED_S = 90.0
"""A Date has whole seconds and an answer takes time; stores themselves forgive minutes."""


def time_named(response: Response) -> datetime | None:
    """Return the store's own time where it refuses because of the time, else None."""
    if response.status in _FORBIDDEN and _NAMES_TIME.search(response.body):
        return server_time(response.headers)
    return None


def explained(expired: Expired, now: datetime) -> str:
    """Give the reason, and whose clock it is; `now` is this machine's time at the answer."""
    if expired.store_time is None:
        return expired.reason
    behind_s = (expired.store_time - now).total_seconds()
    if abs(behind_s) < _NOTICED_S:
        return (
            f"{expired.reason}; this machine's clock agrees with the store's, so it is that of"
            " whoever signed the URL: tell those who run the cloud"
        )
    side = "behind" if behind_s > 0 else "ahead of"
    return (
        f"{expired.reason}; this machine's clock is {span(abs(behind_s))} {side} the store's: set"
        " it (timedatectl set-ntp true)"
    )
