"""A Bluetooth stack's switches that only note what they are asked."""


class ScriptedStack:
    """Notes what it is asked; `answer` is what it says, or raises."""

    def __init__(self, answer=True) -> None:
        self.asked: list[str] = []
        self.answer = answer

    async def disconnect(self, address: str) -> bool:
        return self._say(f"disconnect {address}")

    async def forget(self, address: str) -> bool:
        return self._say(f"forget {address}")

    async def power_cycle(self, adapter: str | None) -> bool:
        return self._say(f"power-cycle {adapter}")

    def _say(self, what: str) -> bool:
        self.asked.append(what)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
