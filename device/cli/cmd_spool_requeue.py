"""`fieldpost spool requeue`: try a quarantined or waiting recording again."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any

from device.cli.agent_client import AgentAbsent, AgentClient
from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.rescue import chosen, entries, held
from device.cli.views import SHORT_ID
from device.config import Config
from device.documents.entries import entry_object, is_sent_anew
from device.errors import UsageInvalid
from device.model import State
from device.words import count

EXAMPLES = (
    ("fieldpost spool requeue 3f9a", "one recording, after its cause is corrected"),
    ("fieldpost spool requeue --all", "every quarantined recording"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("entry", metavar="ENTRY", nargs="*", help="an id, or the beginning of one")
    parser.add_argument("--all", action="store_true", help="all that are quarantined")


def main(args: Namespace, call: Invocation) -> int:
    """Send entries back to where they came from; attempts and waits are cleared.

    What was set aside while it went up is sent anew.
    """
    call.start_logs()
    if bool(args.entry) == args.all:
        raise UsageInvalid("name recordings, or say --all", hint="fieldpost spool ls")
    config = call.config()
    try:
        requeued = _asked(AgentClient.of(config, call.environ), config, args)
    except AgentAbsent:
        requeued = _done(config, args)
    if call.json:
        anew = [each["entry"]["id"] for each in requeued if each["sent_anew"]]
        document({"entries": [each["entry"] for each in requeued], "sent_anew": anew})
    elif not requeued:
        print("no recording is quarantined")
    for each in () if call.json else requeued:
        entry = each["entry"]
        print(f"{entry['id'][:SHORT_ID]} is {entry['state']} again{_anew(each)}")
    return 0


def _asked(agent: AgentClient, config: Config, args: Namespace) -> list[dict[str, Any]]:
    """Have the agent do it, which holds the spool."""
    agent.get("/v1/health")
    states = (State.QUARANTINED,) if args.all else ()
    found = entries(config, *states)
    wanted = [entry.id for entry in found] if args.all else chosen(found, args.entry)
    return [agent.post("/v1/requeue", {"entry": entry}) for entry in wanted]


def _done(config: Config, args: Namespace) -> list[dict[str, Any]]:
    """Do it ourselves, since no agent runs."""
    with held(config) as spool:
        if args.all:
            wanted = [entry.id for entry in spool.entries(State.QUARANTINED)]
        else:
            wanted = chosen(spool.entries(), args.entry)
        moves = [(spool.entry(entry), spool.requeue(entry)) for entry in wanted]
    return [
        {"entry": entry_object(now), "sent_anew": is_sent_anew(before, now)}
        for before, now in moves
    ]


def _anew(requeued: Mapping[str, Any]) -> str:
    """Say what becomes of the bytes that were sent before it was set aside."""
    if not requeued["sent_anew"]:
        return ""
    media = requeued["entry"]["media"]
    stays = sum(each["uploaded"] for medium in media for each in medium["parts"] or [medium])
    but = f" but {count(stays, 'medium', 'media')} that the cloud has acknowledged" if stays else ""
    return f"; what was sent of it counts for nothing any more, and all{but} is sent anew"
