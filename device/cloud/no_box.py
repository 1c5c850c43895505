"""For an API that knows users and recordings, and no boxes: nothing to report, nothing to obey."""

from collections.abc import Mapping
from typing import Any


class NoBox:
    """The part of `Cloud` that is about the box itself."""

    async def heartbeat(self, report: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """See `Cloud.heartbeat`."""
        del report
        return None

    async def answer_order(self, order: str, outcome: Mapping[str, Any]) -> None:
        """See `Cloud.answer_order`."""
        del order, outcome

    async def next_token(self) -> str | None:
        """See `Cloud.next_token`."""
        return None
