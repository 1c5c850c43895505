"""`fieldpost top`: what is carried and what waits, live."""

import sys
import threading
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.live_feed import TROUBLE, Heard, heard
from device.cli.live_screen import is_drawn_on, show
from device.documents.plain import plain, text
from device.documents.status import status_object
from device.glance import glance

EXAMPLES = (
    ("fieldpost top", "bars, rates, and what waits; Ctrl-C ends it"),
    ("fieldpost top --json", "the agent's events, a JSON document a line; so on a pipe"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Go on until interrupted, which is how it ends well."""
    call.start_logs()
    config = call.config()

    def look() -> dict[str, Any]:
        return plain(status_object(glance(config, datetime.now(UTC)), config))

    events = heard(AgentClient.of(config, call.environ), look, threading.Event().wait)
    try:
        if call.json or not is_drawn_on() or call.environ.get("TERM") == "dumb":
            for each in events:
                print(_line(each), flush=True)
        else:
            show(events, coloured=call.coloured(sys.stdout))
    except KeyboardInterrupt:
        pass
    return 0


def _line(event: Heard) -> str:
    name = "note" if event.name == TROUBLE else event.name
    return text({"event": name, **{k: v for k, v in event.content.items() if k != "schema"}})
