"""`fieldpost status`: what is carried, what waits, and why. Imports nothing heavy."""

import json
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from device.cli import recorder_views
from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.output import NARROW
from device.cli.tables import table
from device.cli.views import SHORT_ID
from device.config import Config
from device.documents.plain import plain
from device.documents.status import status_object
from device.errors import FieldpostError
from device.glance import glance
from device.model import State
from device.words import count, printable, size, span

EXAMPLES = (
    ("fieldpost status", "for people; ends with 0 whether or not the agent runs"),
    ("fieldpost status --json", "for programs; .agent.running says whether it runs"),
)
_MOST_ROWS = 20

_Document = Mapping[str, Any]


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print the state of agent and spool; the spool need not exist."""
    call.start_logs()
    config = call.config()
    status = _asked(config, call) or plain(status_object(glance(config, datetime.now(UTC)), config))
    if call.json:
        print(json.dumps(status, indent=2, ensure_ascii=False))
        return 0
    print("\n".join(_lines(status)))
    return 0


def _asked(config: Config, call: Invocation) -> dict[str, Any] | None:
    """Ask the agent; None where none answers: the spool tells nearly as much."""
    try:
        return AgentClient.of(config, call.environ).status()
    except FieldpostError:
        return None


def _lines(status: _Document) -> Iterator[str]:
    now = datetime.fromisoformat(status["at"])
    for notice in status["warnings"]:
        yield textwrap.fill(f"[!!] {notice}", NARROW, subsequent_indent="     ")
    if status["warnings"]:
        yield ""
    yield from _summary(status, now)
    if recorders := list(recorder_views.lines(status, now)):
        yield from ("", *recorders)
    if counts := _counts(status):
        yield from ("", counts)
    if moving := _transfers(status):
        yield from ("", "MOVING", *moving)
    waiting = status["waiting"]
    if waiting:
        yield from ("", "WAITING")
    for entry in waiting[:_MOST_ROWS]:
        yield _waiting(entry, now)
    if len(waiting) > _MOST_ROWS:
        yield f"and {len(waiting) - _MOST_ROWS} more; see: fieldpost spool ls"


def _summary(status: _Document, now: datetime) -> Iterator[str]:
    free = status["spool"]["free_bytes"]
    lines = [
        ("agent", _agent(status)),
        ("cloud", status["cloud"]["base_url"]),
        *((("images", images["base_url"]),) if (images := status["cloud_images"]) else ()),
        ("spool", status["spool"]["path"]),
        ("disk", f"{size(free)} free" if free is not None else "unknown"),
        ("sent", f"{size(status['sent_bytes_today'])} today"),
        ("backlog", _backlog(status, now)),
    ]
    # Paths and addresses are not cut: people copy them.
    yield from (f"{name:<8} {printable(text)}" for name, text in lines)


def _agent(status: _Document) -> str:
    if not status["agent"]["running"]:
        return "not running (start it: systemctl start fieldpost, or fieldpost run)"
    pid = status["agent"]["pid"]
    running = f"running (pid {pid})" if pid else "running"
    if status["source"] == "agent":
        return running
    return f"{running}; no answer, so read from the spool"


def _backlog(status: _Document, now: datetime) -> str:
    backlog = status["backlog"]
    if backlog["recordings"]:
        oldest = datetime.fromisoformat(backlog["oldest_at"])
        many = count(backlog["recordings"], "recording")
        age = span((now - oldest).total_seconds())
        return f"{many}, {size(backlog['bytes'])}, oldest {age}"
    totals = {state: sum(each[state] for each in status["recorders"]) for state in State}
    if totals[State.QUARANTINED]:
        return "none, but what is quarantined is not in the cloud"
    if any(totals.values()):
        return "none: every recording pulled so far is in the cloud"
    return "none: nothing was pulled yet"


def _counts(status: _Document) -> str | None:
    rows = [
        (*(str(each[state]) for state in State), str(each["recorder"]))
        for each in status["recorders"]
        if any(each[state] for state in State)
    ]
    heads = tuple(state.upper() for state in State)
    return table((*heads, "RECORDER"), rows, right=set(heads), width=NARROW) if rows else None


def _transfers(status: _Document) -> list[str]:
    """Tell what moves at this moment, which the agent alone knows."""
    return [
        f"{each['entry'][:SHORT_ID]}/{each['medium']}  {each['direction']:<6}"
        f" {size(each['done_bytes']):>10} of {size(each['total_bytes'])}"
        f"  {size(each['rate_bytes_per_s'])}/s"
        for each in status.get("transfers", ())
    ]


def _waiting(entry: _Document, now: datetime) -> str:
    age = span((now - datetime.fromisoformat(entry["begun_at"])).total_seconds())
    head = f"{entry['id'][:SHORT_ID]}  {entry['state']:<8} {size(entry['size_bytes']):>10}"
    head += f"  {age} old"
    if entry["next_at"]:
        left_s = (datetime.fromisoformat(entry["next_at"]) - now).total_seconds()
        head += f", next try in {span(left_s)}" if left_s > 0 else ", next try now"
    body = (
        textwrap.fill(printable(each), NARROW, initial_indent="  ", subsequent_indent="  ")
        for each in (entry["reason"], *entry["ways"])
    )
    return "\n".join((head, *body))
