"""`fieldpost run`: the agent, in the foreground."""

import logging
from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.outcome import carried, tell
from device.cli.progress import watching

_logger = logging.getLogger(__name__)

EXAMPLES = (
    ("fieldpost run", "carry recordings until stopped (what the systemd unit runs)"),
    ("fieldpost run --once", "carry everything there is, then end"),
    ("fieldpost run --once --json", "the same, with the outcome for programs"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when everything is stored and released (0) or given up (3, with reasons)",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Run the agent."""
    call.start_logs(carries=True)
    config = call.config(needs_token=True)
    if not config.recorders:
        _logger.warning("no recorder is configured: add [[recorders]] with its url")
    from device import agent  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    with watching(call) as progress:
        work = agent.run(config, once=args.once, progress=progress)
        summary = carried(work, polite=not args.once)
    return tell(summary, call) if summary is not None else 0
