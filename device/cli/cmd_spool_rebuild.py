"""`fieldpost spool rebuild`: restore the database from the recordings on disk."""

import sys
from argparse import ArgumentParser, Namespace

from device.cli.exit_codes import SOME_FAILED
from device.cli.invocation import Invocation
from device.cli.output import document
from device.errors import UsageInvalid
from device.words import count, printable

EXAMPLES = (
    ("fieldpost spool rebuild --yes", "when spool.db is lost or damaged"),
    ("fieldpost spool verify", "afterwards: read every recording back"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--yes", action="store_true", help="do it without asking")


def main(args: Namespace, call: Invocation) -> int:
    """Make a new database from manifests alone; the old one is kept beside it."""
    call.start_logs()
    config = call.config()
    if not config.spool.path.is_dir():
        raise UsageInvalid(
            f"there is no spool at {config.spool.path}", hint="fieldpost config show"
        )
    if not args.yes and not (call.asks() and _agreed(str(config.spool.path))):
        raise UsageInvalid("nothing was done", hint="fieldpost spool rebuild --yes")
    from device.clock import SystemClock  # noqa: PLC0415 - only what is done is imported
    from device.spool.rebuild import rebuild  # noqa: PLC0415 - as above

    report = rebuild(config.spool, SystemClock())
    if call.json:
        document(
            {
                "restored": report.restored,
                "tombstones": report.tombstones,
                "left": report.left,
                "aside": report.aside,
            }
        )
    else:
        restored, released = len(report.restored), report.tombstones
        print(f"{count(restored, 'recording')} restored, {released} known as released")
        if report.aside:
            print(f"the old database is kept as {report.aside}")
        for left in report.left:
            print(f"[!!] {left.folder} was left as it is: {printable(left.reason)}")
    return SOME_FAILED if report.left else 0


def _agreed(place: str) -> bool:
    sys.stderr.write(
        f"This makes a new database for {place} from its manifests; the old one is kept.\n"
        "Where recordings were already stored, the cloud is asked again. Go on? [y/N] "
    )
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
