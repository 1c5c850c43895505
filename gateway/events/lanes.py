"""How many tries may be under way, in all and to each webhook: none holds up the others."""

from collections import Counter

MOST = 64
EACH = 4


class Lanes:
    """Counts tries; a webhook whose last one failed has one lane until one succeeds."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._failing: set[str] = set()

    @property
    def free(self) -> int:
        """How many more tries may begin."""
        return MOST - self._under_way.total()

    def slots(self) -> dict[str, int]:
        """Say how many more may begin of those webhooks that do not have `EACH` free."""
        return {
            webhook_id: (1 if webhook_id in self._failing else EACH) - self._under_way[webhook_id]
            for webhook_id in {*self._under_way, *self._failing}
        }

    def begin(self, webhook_id: str) -> None:
        """Count a try."""
        self._under_way[webhook_id] += 1

    def end(self, webhook_id: str) -> None:
        """Count it no more."""
        self._under_way[webhook_id] -= 1
        if not self._under_way[webhook_id]:
            del self._under_way[webhook_id]

    def note(self, webhook_id: str, *, good: bool) -> None:
        """Remember how the last try went."""
        if good:
            self._failing.discard(webhook_id)
        else:
            self._failing.add(webhook_id)
