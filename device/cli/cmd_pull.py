"""`fieldpost pull`: bring recordings into the spool now."""

import logging
from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.outcome import carried, tell
from device.cli.progress import watching

_logger = logging.getLogger(__name__)

EXAMPLES = (
    ("fieldpost pull", "pull from every configured recorder"),
    ("fieldpost pull folder:///srv/recordings", "pull from one"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "recorder",
        metavar="RECORDER",
        nargs="?",
        help="the url of a configured recorder; by default all of them",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Pull once; uploads nothing."""
    call.start_logs(carries=True)
    config = call.config()
    if not config.recorders:
        _logger.warning("no recorder is configured: add [[recorders]] with its url")
    from device import once  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    with watching(call) as progress:
        summary = carried(once.pull_now(config, recorder=args.recorder, progress=progress))
    return tell(summary, call)
