"""One frame of the live view, as lines of styled pieces: what is wrong comes first here too."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from device.cli import life_words
from device.cli.live_board import Board
from device.cli.live_flow import STEP_S
from device.cli.live_marks import Marks, percent
from device.cli.output import WIDE
from device.words import count, printable, relative, shortened, size, span

SHORT_ID = 8
_MOST_NOTICES = 3
_MOST_BARS = 8
_MOST_BAR_COLUMNS = 30
_FIGURE_COLUMNS = 53
_TAIL_COLUMNS = 26
_NAME_COLUMNS = 12
_HEAD_COLUMNS = 9

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with a style of rich; the letters alone say everything."""
_Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """How a frame is laid out."""

    columns: int
    rows: int
    marks: Marks

    def lines(self, board: Board, now: datetime, now_s: float) -> list[Line]:
        """Lay a moment out; no line is longer, and there are no more than fit."""
        laid = list(islice(self._lines(board, now, now_s), self.rows + 1))
        if len(laid) > self.rows:
            laid = [*laid[: self.rows - 1], _plain("… more: fieldpost status")]
        return [self._cut(line) for line in laid]

    def _lines(self, board: Board, now: datetime, now_s: float) -> Iterator[Line]:
        status = board.status
        if status is None:
            yield (("fieldpost top", "bold"), (f"  {now.astimezone():%H:%M:%S}", ""))
            yield from self._wrapped(f"[!!] {board.told or 'nothing is known yet'}", "yellow")
            return
        yield self._title(board, now)
        if not board.is_live:
            yield from self._wrapped("no agent answers; this is read from the spool every 2 s", "")
        yield from self._notices({**status, "transfers": board.transfers})
        yield ()
        yield from self._box(status)
        if board.is_live:
            yield self._flow(board, now_s)
        yield from self._recorders(board, status, now)
        yield from self._uploads(board)
        yield from self._waiting(board, status, now)
        if board.told:
            yield ()
            yield _plain(printable(board.told))

    def _title(self, board: Board, now: datetime) -> Line:
        status = board.status or {}
        running = status["agent"]["running"]
        pid = status["agent"]["pid"]
        told = f"agent running (pid {pid})" if running else "agent not running"
        name = "fieldpost top  " if self.columns >= WIDE else ""
        return (
            (name, "bold"),
            (f"{now.astimezone():%H:%M:%S}  ", ""),
            (told, "" if running else "bold"),
        )

    def _notices(self, status: _Document) -> Iterator[Line]:
        notices = [f"[!!] {notice}" for notice in status["warnings"]]
        if first := life_words.headline(status):
            notices.insert(0, first)
        for notice in notices[:_MOST_NOTICES]:
            yield from self._wrapped(notice, "green" if notice.startswith("[ok]") else "yellow")
        if len(notices) > _MOST_NOTICES:
            yield from self._wrapped(
                f"     and {len(notices) - _MOST_NOTICES} more: fieldpost status", "yellow"
            )

    def _box(self, status: _Document) -> Iterator[Line]:
        told = [life_words.network(status), life_words.power(status)]
        if around := ", ".join(each for each in told if each):
            yield from self._named("network", around)
        yield from self._named("data", life_words.data_today(status))

    def _flow(self, board: Board, now_s: float) -> Line:
        rate = f"{size(board.upload_rate_bytes_per_s)}/s"
        beside = _HEAD_COLUMNS + len(rate) + 1 + (_TAIL_COLUMNS if self.columns >= WIDE else 0)
        room = max(8, self.columns - beside)
        rates = board.flow.rates(now_s, room)
        pieces: Line = (
            (f"{'up':<{_HEAD_COLUMNS}}", "bold"),
            (f"{rate} ", ""),
            (self.marks.sparkline(rates), "green"),
        )
        if self.columns < WIDE:
            return pieces
        return (*pieces, (f" {span(len(rates) * STEP_S)}, most {size(max(rates))}/s", "dim"))

    def _recorders(self, board: Board, status: _Document, now: datetime) -> Iterator[Line]:
        pulls: dict[str, list[_Document]] = {}
        for each in board.moving("pull"):
            pulls.setdefault(board.recorders.get(each["entry"], "?"), []).append(each)
        heard = {str(e["recorder"]): e["last_seen"] for e in status["recorders"] if e["last_seen"]}
        urls = {seen["url"] for seen in heard.values()}
        there = [name for name, seen in heard.items() if seen["url"] in status["configured"]]
        names = [*there, *(url for url in status["configured"] if url not in urls)]
        names += [name for name in pulls if name not in names]
        if names:
            yield ()
            yield (("RECORDERS", "bold"),)
        for name in names[:_MOST_BARS]:
            if name in pulls:
                yield from self._bar(name, pulls[name], "cyan")
            else:
                seen = heard.get(name)
                yield _plain(f"{printable(name)}  {_seen(seen, now)}")

    def _uploads(self, board: Board) -> Iterator[Line]:
        moving = board.moving("upload")
        if moving:
            yield ()
            yield (("UPLOADS", "bold"),)
        for each in moving[:_MOST_BARS]:
            yield from self._bar(f"{each['entry'][:SHORT_ID]}/{each['medium']}", [each], "green")
        if len(moving) > _MOST_BARS:
            yield _plain(f"and {len(moving) - _MOST_BARS} more")

    def _bar(self, name: str, transfers: list[_Document], style: str) -> Iterator[Line]:
        done = sum(each["done_bytes"] for each in transfers)
        total = sum(each["total_bytes"] for each in transfers)
        rate = sum(each["rate_bytes_per_s"] for each in transfers)
        left = f"  {span((total - done) / rate)} left" if rate and total > done else ""
        name = printable(name)
        if self.columns >= WIDE:
            label = f"{shortened(name, _NAME_COLUMNS):<{_NAME_COLUMNS}} "
            told = f" {percent(done, total)} {size(done):>8} of {size(total):<8}"
            told += f" {size(rate) + '/s':>11}{left}"
            room = max(8, min(_MOST_BAR_COLUMNS, self.columns - len(label) - _FIGURE_COLUMNS))
            yield ((label, ""), (self.marks.bar(done, total, room), style), (told, ""))
            return
        told = f"{size(done)} of {size(total)}  {size(rate)}/s{left}"
        # Name and bar above, the figures below: a phone shows 40 columns.
        short = shortened(name, self.columns // 2)
        room = self.columns - len(short) - 7
        yield (
            (f"{short} ", ""),
            (self.marks.bar(done, total, room), style),
            (percent(done, total), ""),
        )
        yield _plain(f"  {told if len(told) <= self.columns - 2 else told.removesuffix(left)}")

    def _waiting(self, board: Board, status: _Document, now: datetime) -> Iterator[Line]:
        moving = {each["entry"] for each in board.transfers}
        waiting = [each for each in status["waiting"] if each["id"] not in moving]
        if not waiting:
            return
        yield ()
        yield (("WAITING  ", "bold"), (count(len(waiting), "recording"), ""))
        for each in waiting:
            head = f"{each['id'][:SHORT_ID]}  {each['state']:<8} {size(each['size_bytes']):>10}"
            when = relative(_at_least(each["next_at"], now), now) if each["next_at"] else ""
            yield _plain(f"{head}  {when}".rstrip())
            yield _plain(f"  {printable(each['reason'])}")

    def _named(self, name: str, told: str) -> Iterator[Line]:
        room = self.columns - _HEAD_COLUMNS
        for number, line in enumerate(textwrap.wrap(printable(told), room)):
            yield ((f"{'' if number else name:<{_HEAD_COLUMNS}}", "bold"), (line, ""))

    def _wrapped(self, text: str, style: str) -> Iterator[Line]:
        for line in textwrap.wrap(printable(text), self.columns, subsequent_indent="     "):
            yield ((line, style),)

    def _cut(self, line: Line) -> Line:
        pieces, room = [], self.columns
        for text, style in line:
            if len(text) > room:
                pieces.append((shortened(text, room), style))
                break
            pieces.append((text, style))
            room -= len(text)
        return tuple(pieces)


def _plain(text: str) -> Line:
    return ((text, ""),)


def _seen(seen: _Document | None, now: datetime) -> str:
    if seen is None:
        return "never seen"
    told = [f"seen {relative(min(datetime.fromisoformat(seen['at']), now), now)}"]
    if seen["waiting"]:
        told.append(f"{seen['waiting']} waiting")
    if seen["battery_percent"] is not None:
        told.append(f"battery {seen['battery_percent']} %")
    return ", ".join(told)


def _at_least(moment: str, now: datetime) -> datetime:
    return max(datetime.fromisoformat(moment), now)
