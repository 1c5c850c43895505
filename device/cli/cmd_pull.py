"""`fieldpost pull`: bring recordings into the spool now."""

import logging
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from device.cli.agent_client import AgentAbsent, AgentClient
from device.cli.invocation import Invocation
from device.cli.outcome import carried, tell
from device.cli.output import document
from device.cli.progress import watching
from device.words import printable

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
    """Pull once, by the agent if it runs; uploads nothing itself."""
    call.start_logs(carries=True)
    config = call.config()
    if not config.recorders:
        _logger.warning("no recorder is configured: add [[recorders]] with its url")
    try:
        asked = AgentClient.of(config, call.environ).post("/v1/pull", {"recorder": args.recorder})
    except AgentAbsent:
        pass
    else:
        return _told(asked["recorders"], call)
    from device import once  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    with watching(call) as progress:
        summary = carried(once.pull_now(config, recorder=args.recorder, progress=progress))
    return tell(summary, call)


def _told(recorders: Sequence[str], call: Invocation) -> int:
    """Say that the running agent looks now; its visits are its own, so nothing is waited for."""
    if call.json:
        document({"asked": recorders})
        return 0
    for url in recorders:
        print(f"the agent looks at {printable(url)} now; see: fieldpost status")
    return 0
