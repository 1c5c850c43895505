"""The page that `status` prints: what is wrong first; fits 80 columns, and a phone's 40."""

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from device.cli import life_words, recorder_views
from device.cli.output import WIDE
from device.cli.tables import table
from device.cli.views import SHORT_ID
from device.model import State
from device.words import count, printable, size, span

_MOST_ROWS = 20
_NAMES = 9

_Document = Mapping[str, Any]


def lines(status: _Document, columns: int) -> Iterator[str]:
    """Lay out the document of `status --json`.

    Args:
        status: From the agent, or of its spool.
        columns: No line is longer but for paths, names and addresses, which people copy.
    """
    now = datetime.fromisoformat(status["at"])
    notices = [f"[!!] {notice}" for notice in status["warnings"]]
    if first := life_words.headline(status):
        notices.insert(0, first)
    for notice in notices:
        yield from textwrap.wrap(printable(notice), columns, subsequent_indent="     ")
    if notices:
        yield ""
    yield from _summary(status, now, columns)
    if recorders := list(recorder_views.lines(status, now, columns)):
        yield from ("", *recorders)
    if counts := list(_counts(status, columns)):
        yield from ("", *counts)
    if transfers := list(_transfers(status, columns)):
        yield from ("", "MOVING", *transfers)
    waiting = status["waiting"]
    if waiting:
        yield from ("", "WAITING")
    for entry in waiting[:_MOST_ROWS]:
        yield from _waiting(entry, now, columns)
    if len(waiting) > _MOST_ROWS:
        yield f"and {len(waiting) - _MOST_ROWS} more; see: fieldpost spool ls"


def _summary(status: _Document, now: datetime, columns: int) -> Iterator[str]:
    free = status["spool"]["free_bytes"]
    images = status["cloud_images"]
    told = (
        ("agent", _agent(status)),
        ("cloud", status["cloud"]["base_url"]),
        ("images", images and images["base_url"]),
        ("spool", status["spool"]["path"]),
        ("disk", f"{size(free)} free" if free is not None else "unknown"),
        ("network", life_words.network(status)),
        ("power", life_words.power(status)),
        ("clock", life_words.box_clock(status)),
        ("beat", life_words.heartbeat(status, now)),
        ("data", life_words.data_today(status)),
        ("24 h", life_words.last_day(status)),
        ("backlog", _backlog(status, now)),
    )
    for name, text in told:
        if text:
            # Paths and addresses are not cut: people copy them.
            yield from textwrap.wrap(
                printable(text),
                columns,
                initial_indent=f"{name:<{_NAMES}}",
                subsequent_indent=" " * _NAMES,
                break_long_words=False,
                break_on_hyphens=False,
            )


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


def _counts(status: _Document, columns: int) -> Iterator[str]:
    found = [each for each in status["recorders"] if any(each[state] for state in State)]
    if not found:
        return
    if columns >= WIDE:
        rows = [(*(str(each[state]) for state in State), str(each["recorder"])) for each in found]
        heads = tuple(state.upper() for state in State)
        yield from table((*heads, "RECORDER"), rows, right=set(heads), width=columns).splitlines()
        return
    yield "RECORDINGS"
    for each in found:
        yield printable(str(each["recorder"]))
        told = ", ".join(f"{each[state]} {state}" for state in State if each[state])
        yield from _below(told, columns)


def _transfers(status: _Document, columns: int) -> Iterator[str]:
    """Tell what moves at this moment, which the agent alone knows."""
    for each in status.get("transfers", ()):
        head = f"{each['entry'][:SHORT_ID]}/{each['medium']}  {each['direction']:<6}"
        done = f"{size(each['done_bytes']):>10} of {size(each['total_bytes'])}"
        done += f"  {size(each['rate_bytes_per_s'])}/s"
        if columns >= WIDE:
            yield f"{head} {done}"
        else:
            yield head.rstrip()
            yield f"  {done.lstrip()}"


def _waiting(entry: _Document, now: datetime, columns: int) -> Iterator[str]:
    age = span((now - datetime.fromisoformat(entry["begun_at"])).total_seconds())
    head = f"{entry['id'][:SHORT_ID]}  {entry['state']:<8} {size(entry['size_bytes']):>10}"
    more = f"{age} old"
    if entry["next_at"]:
        left_s = (datetime.fromisoformat(entry["next_at"]) - now).total_seconds()
        more += f", next try in {span(left_s)}" if left_s > 0 else ", next try now"
    if columns >= WIDE:
        yield f"{head}  {more}"
    else:
        yield head
        yield from _below(more, columns)
    for each in (entry["reason"], *entry["ways"]):
        yield from _below(each, columns)


def _below(text: str, columns: int) -> Iterator[str]:
    yield from textwrap.wrap(printable(text), columns, initial_indent="  ", subsequent_indent="  ")
