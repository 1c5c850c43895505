"""`fieldpost status`: what is carried, what waits, and why. Imports nothing heavy."""

import textwrap
from argparse import ArgumentParser, Namespace
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from device.cli import recorder_views
from device.cli.glance import Glance, glance, warnings
from device.cli.invocation import Invocation
from device.cli.output import NARROW, document
from device.cli.tables import table
from device.cli.views import SHORT_ID, ways
from device.cli.words import count, printable, size, span
from device.config import Config
from device.model import Entry, State

EXAMPLES = (
    ("fieldpost status", "for people; ends with 0 whether or not the agent runs"),
    ("fieldpost status --json", "for programs; .agent.running says whether it runs"),
)
_MOST_ROWS = 20
_PERCENT = 100


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print the state of the spool; the spool need not exist."""
    call.start_logs()
    config = call.config()
    seen = glance(config, datetime.now(UTC))
    notices = list(warnings(seen, config))
    if call.json:
        document(_object(seen, notices, config))
        return 0
    for notice in notices:
        print(textwrap.fill(f"[!!] {notice}", NARROW, subsequent_indent="     "))
    if notices:
        print()
    print(_summary(seen, config))
    if recorders := list(recorder_views.lines(config.recorders, seen.last_seen, seen.now)):
        print("", *recorders, sep="\n")
    if seen.entries:
        print(f"\n{_counts(seen)}")
    if seen.moving:
        print("\nWAITING")
    for entry in seen.moving[:_MOST_ROWS]:
        print(_waiting(entry, seen))
    if len(seen.moving) > _MOST_ROWS:
        print(f"and {len(seen.moving) - _MOST_ROWS} more; see: fieldpost spool ls")
    return 0


def _summary(seen: Glance, config: Config) -> str:
    if seen.pid is None:
        agent = "not running (start it: systemctl start fieldpost, or fieldpost run)"
    else:
        agent = f"running (pid {seen.pid})" if seen.pid else "running"
    free = f"{size(seen.free_bytes)} free" if seen.free_bytes is not None else "unknown"
    lines = [
        ("agent", agent),
        ("cloud", config.cloud.base_url),
        *((("images", images.base_url),) if (images := config.cloud_images) else ()),
        ("spool", str(config.spool.path)),
        ("disk", free),
        ("sent", f"{size(seen.sent_bytes)} today (UTC)"),
    ]
    if seen.backlog:
        total = sum(entry.size_bytes for entry in seen.backlog)
        age = span((seen.now - min(e.begun_at for e in seen.backlog)).total_seconds())
        many = count(len(seen.backlog), "recording")
        lines.append(("backlog", f"{many}, {size(total)}, oldest {age}"))
    elif any(entry.state is State.QUARANTINED for entry in seen.entries):
        lines.append(("backlog", "none, but what is quarantined is not in the cloud"))
    elif seen.entries:
        lines.append(("backlog", "none: every recording pulled so far is in the cloud"))
    else:
        lines.append(("backlog", "none: nothing was pulled yet"))
    # Paths and addresses are not cut: people copy them.
    return "\n".join(f"{name:<8} {printable(text)}" for name, text in lines)


def _counts(seen: Glance) -> str:
    rows = [
        (*(str(states[state]) for state in State), recorder)
        for recorder, states in seen.by_recorder().items()
    ]
    heads = tuple(state.upper() for state in State)
    return table((*heads, "RECORDER"), rows, right=set(heads), width=NARROW)


def _waiting(entry: Entry, seen: Glance) -> str:
    age = span((seen.now - entry.begun_at).total_seconds())
    head = f"{entry.id[:SHORT_ID]}  {entry.state:<8} {size(entry.size_bytes):>10}  {age} old"
    if entry.wait and entry.wait.until:
        left_s = (entry.wait.until - seen.now).total_seconds()
        head += f", next try in {span(left_s)}" if left_s > 0 else ", next try now"
    sentences = [entry.wait.reason if entry.wait else _step(entry, seen)]
    if entry.state is State.SEALED:
        sentences += ways(entry)
    body = (
        textwrap.fill(printable(each), NARROW, initial_indent="  ", subsequent_indent="  ")
        for each in sentences
    )
    return "\n".join((head, *body))


def _step(entry: Entry, seen: Glance) -> str:
    """Say what comes next for an entry that nothing holds up."""
    if entry.state is State.PULLING:
        pulled = sum(each.pulled_bytes for each in entry.media)
        share = _PERCENT * pulled // entry.size_bytes if entry.size_bytes else 0
        onwards = "; goes on when the agent runs" if seen.pid is None else ""
        return f"{share} % pulled{onwards}"
    if entry.state is State.SEALED:
        return "goes up when the agent runs" if seen.pid is None else "uploading, or next in line"
    return "in the cloud; to be released to its recorder"


def _object(seen: Glance, notices: list[str], config: Config) -> dict[str, Any]:
    oldest = min((entry.begun_at for entry in seen.backlog), default=None)
    return {
        "at": seen.now,
        "agent": {"running": seen.pid is not None, "pid": seen.pid or None},
        "warnings": notices,
        "cloud": {"api": config.cloud.api, "base_url": config.cloud.base_url},
        "cloud_images": (images := config.cloud_images)
        and {"api": images.api, "base_url": images.base_url},
        "spool": {
            "path": config.spool.path,
            "exists": seen.exists,
            "free_bytes": seen.free_bytes,
        },
        "sent_bytes_today": seen.sent_bytes,
        "backlog": {
            "recordings": len(seen.backlog),
            "bytes": sum(entry.size_bytes for entry in seen.backlog),
            "oldest_at": oldest,
        },
        "cooldowns": seen.cooldowns,
        "recorders": _recorders(seen),
        "unreached": seen.unreached,
        "waiting": [
            {
                "id": entry.id,
                "state": entry.state,
                "recorder": entry.recording.key.recorder,
                "size_bytes": entry.size_bytes,
                "begun_at": entry.begun_at,
                "code": entry.wait.code if entry.wait else None,
                "reason": entry.wait.reason if entry.wait else _step(entry, seen),
                "next_at": entry.wait.until if entry.wait else None,
            }
            for entry in seen.moving
        ],
    }


def _recorders(seen: Glance) -> list[dict[str, Any]]:
    """Tell all recorders that have recordings here or were ever seen, configured or not."""
    counts = seen.by_recorder()
    heard = {str(each.info.recorder): recorder_views.as_object(each) for each in seen.last_seen}
    rows = []
    for recorder in sorted({*counts, *heard}):
        states = counts.get(recorder, Counter[State]())
        numbers = {state.value: states[state] for state in State}
        rows.append({"recorder": recorder, **numbers, "last_seen": heard.get(recorder)})
    return rows
