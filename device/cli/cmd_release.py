"""`fieldpost release ENTRY…`: have recorders delete now what the cloud has acknowledged."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.output import document, sentence
from device.cli.rescue import chosen, entries
from device.cli.views import SHORT_ID
from device.config import Config
from device.core.lifecycle import unreleasable
from device.errors import IllegalMove, UsageInvalid
from device.model import Entry
from device.words import count, printable

EXAMPLES = (
    ("fieldpost release 3f9a", "ask its recorder again, now, to delete what is stored"),
    ("fieldpost release 3f9a 77c0 --dry-run", "only say what would be asked"),
)
_KEEP = "keep"


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", nargs="+", help="an id, or the beginning of one")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be asked")


def main(args: Namespace, call: Invocation) -> int:
    """See that every one is stored, then have the agent ask; all of them or none."""
    call.start_logs()
    config = call.config()
    found = entries(config)
    ids = set(chosen(found, args.entry))
    wanted = [entry for entry in found if entry.id in ids]
    _see_that_all_may(wanted, config)
    asked = []
    if not args.dry_run:
        if not args.yes and not (call.asks() and _agreed(wanted)):
            raise UsageInvalid("nothing was done", hint="fieldpost release ENTRY --yes")
        agent = AgentClient.of(config, call.environ)
        asked = [agent.post("/v1/release", {"entry": entry.id})["entry"] for entry in wanted]
    if call.json:
        ids_wanted = [each.id for each in wanted]
        document({"dry_run": args.dry_run, "wanted": ids_wanted, "asked": asked})
        return 0
    verb = "would be" if args.dry_run else "is"
    for entry in wanted:
        recorder = printable(entry.recording.key.recorder)
        print(f"{entry.id[:SHORT_ID]}: {recorder} {verb} asked to delete it, once it is there")
    return 0


def _see_that_all_may(wanted: Sequence[Entry], config: Config) -> None:
    """Refuse before anything is asked.

    Raises:
        IllegalMove: The cloud has not acknowledged one, or its recorder keeps what it has.
    """
    from device.spool.reader import read_only  # noqa: PLC0415 - only what is done is imported

    with read_only(config.spool.path) as reader:
        places = {str(seen.info.recorder): seen.url for seen in reader.last_seen()}
    policies = {recorder.url: recorder.release for recorder in config.recorders}
    for entry in wanted:
        name = entry.id[:SHORT_ID]
        if (why := unreleasable(entry)) is not None:
            raise IllegalMove(
                f"{name} {why}; nothing was asked", hint=f"fieldpost spool show {name}"
            )
        url = places.get(entry.recording.key.recorder, "")
        if policies.get(url) == _KEEP:
            raise IllegalMove(
                f"{name} stays on its recorder: release = keep is configured for {url}",
                hint='set release = "delete" for it, then: fieldpost reload',
            )


def _agreed(wanted: Sequence[Entry]) -> bool:
    recorders = sorted({entry.recording.key.recorder for entry in wanted})
    question = (
        f"{count(len(wanted), 'recording')} will be deleted on {printable(', '.join(recorders))};"
        " the cloud has acknowledged every byte. Go on? [y/N]"
    )
    sys.stderr.write(f"{sentence(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
