"""`fieldpost run`: the agent, in the foreground."""

import logging
from argparse import ArgumentParser, Namespace
from functools import partial

from device.cli.invocation import Invocation
from device.cli.outcome import carried, lived, tell
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
    from device import agent, once  # noqa: PLC0415 - heavy, and pointless if that is bad

    with watching(call) as progress:
        if args.once:
            return tell(carried(once.carry(config, progress=progress)), call)
        reread = partial(call.config, needs_token=True)
        return lived(agent.run(config, reread=reread, progress=progress))
