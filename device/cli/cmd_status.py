"""`fieldpost status`: what is carried, what waits, and why. Imports nothing heavy."""

import json
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.output import page_width
from device.cli.status_page import lines
from device.config import Config
from device.documents.plain import plain
from device.documents.status import status_object
from device.errors import FieldpostError
from device.glance import glance

EXAMPLES = (
    ("fieldpost status", "for people; ends with 0 whether or not the agent runs"),
    ("fieldpost status --json", "for programs; .agent.running says whether it runs"),
    ("fieldpost status --watch", "live, until Ctrl-C; the same as: fieldpost top"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--watch", action="store_true", help="go on showing it, live")


def main(args: Namespace, call: Invocation) -> int:
    """Print the state of agent and spool; the spool need not exist."""
    if args.watch:
        from device.cli.cmd_top import main as watch  # noqa: PLC0415 - a look need not pay for it

        return watch(args, call)
    call.start_logs()
    config = call.config()
    status = _asked(config, call) or plain(status_object(glance(config, datetime.now(UTC)), config))
    if call.json:
        print(json.dumps(status, indent=2, ensure_ascii=False))
        return 0
    print("\n".join(lines(status, page_width())))
    return 0


def _asked(config: Config, call: Invocation) -> dict[str, Any] | None:
    """Ask the agent; None where none answers: the spool tells nearly as much."""
    try:
        return AgentClient.of(config, call.environ).status()
    except FieldpostError:
        return None
