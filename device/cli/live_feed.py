"""What a live view hears: the agent's events; without an agent its spool, read again and again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from device.cli.agent_client import AgentClient
from device.errors import FieldpostError

AGAIN_S = 2.0
"""Without an agent: how often the spool is read, and the agent is looked for."""
QUIET_S = 40.0
"""The agent shows every 15 s that it lives."""
TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event by its name in docs/control.md; `trouble` is our own: not even the spool tells."""

    name: str
    content: dict[str, Any] = field(default_factory=dict)


def heard(
    client: AgentClient, look: Callable[[], dict[str, Any]], pause: Callable[[float], object]
) -> Iterator[Heard]:
    """Yield what happens, for ever; an agent that comes back is listened to again.

    Args:
        client: Asks the agent.
        look: Reads the status out of the spool.
        pause: Waits for some seconds.
    """
    while True:
        try:
            for name, content in client.events(quiet_s=QUIET_S):
                yield Heard(name, content)
        except FieldpostError:
            pass  # absent, ended, or too many listen: the spool tells nearly as much
        try:
            yield Heard("status", look())
        except FieldpostError as error:
            yield Heard(TROUBLE, {"sentence": str(error)})
        pause(AGAIN_S)
