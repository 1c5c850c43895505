"""The system journal's lines of the agent's unit, read by journalctl: bounded, parsed, redacted."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from device.errors import JournalUnreadable, UsageInvalid
from device.logs import redact
from device.words import printable

UNIT = "fieldpost.service"
READ_S = 20.0
"""What reading may take where nothing is followed; a slow card with a large journal needs it."""
MOST_LINE_BYTES = 1 << 20
LEVELS = {"error": 3, "warning": 4, "info": 6, "debug": 7}
"""Names of levels, and the highest priority of syslog(3) that each lets through."""
BOOTED = Path("/run/systemd/system")
"""It is there where systemd runs (sd_booted(3))."""
JOURNALS = (Path("/run/log/journal"), Path("/var/log/journal"))
_MARKER = "fieldpost-bugreport"
"""What `bugreport` writes by itself, while no agent runs, goes under this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line; `pid` is None where nobody noted it."""

    at: datetime
    level: str
    message: str
    pid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines; `since` is in journalctl's words, and `last` counts lines, 0 for all."""

    since: str | None = None
    level: str = "debug"
    last: int = 0
    follow: bool = False
    containing: str = ""


async def lines(wanted: Wanted, *, program: str = "journalctl") -> AsyncIterator[LogLine]:
    """Yield lines, oldest first; while followed, until cancelled.

    What nobody writes is not followed: the agent has no line, and systemd does not run.

    Args:
        wanted: Which of them.
        program: Of systemd; tests bring their own.

    Raises:
        JournalUnreadable: It cannot be had; the hint says where the log is then.
        UsageInvalid: `since` is no time.
    """
    if wanted.follow and not await _comes(program):
        return
    async with aclosing(_read(wanted, program)) as found:
        async for line in found:
            yield line


async def _comes(program: str) -> bool:
    """Say whether there are lines to follow, or may be; see `lines` for what is raised.

    journalctl keeps to itself why nothing comes for as long as it follows.
    """
    there = [line async for line in _read(Wanted(last=1), program)]
    return bool(there) or await asyncio.to_thread(BOOTED.is_dir)


async def _read(wanted: Wanted, program: str) -> AsyncGenerator[LogLine, None]:
    try:
        child = await asyncio.create_subprocess_exec(
            *_argv(program, wanted),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            limit=MOST_LINE_BYTES,
        )
    except OSError as error:
        raise JournalUnreadable(
            "there is no journalctl on this computer",
            hint="the agent's log is where its stderr goes: the terminal of fieldpost run",
        ) from error
    told = 0
    try:
        async with asyncio.timeout(None if wanted.follow else READ_S):
            if child.stdout is not None:
                async for raw in _each(child.stdout):
                    line = _parsed(raw)
                    if line is not None and wanted.containing.lower() in line.message.lower():
                        told += 1
                        yield line
            complaint = await child.stderr.read(4096) if child.stderr is not None else b""
            code = await child.wait()
    except TimeoutError as error:
        raise JournalUnreadable(
            f"the journal was not read in {READ_S:.0f} s", hint="ask for less: --since 10m"
        ) from error
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if code or not told:
        await asyncio.to_thread(_explain, code, complaint.decode("utf-8", "replace"))


def since(text: str) -> str:
    """Turn `10m`, `2h` or `3d` into journalctl's words; others are left as they are."""
    number, unit = text[:-1], text[-1:]
    short = number.isascii() and number.isdigit() and unit in set("smhd")
    return f"-{number}{unit}" if short else text


def _argv(program: str, wanted: Wanted) -> Sequence[str]:
    return [
        program,
        "--output=json",
        "--no-pager",
        f"--priority={LEVELS[wanted.level]}",
        *((f"--since={wanted.since}",) if wanted.since else ()),
        *((f"--lines={wanted.last}",) if wanted.last else ()),
        *(("--follow",) if wanted.follow else ()),
        f"_SYSTEMD_UNIT={UNIT}",
        "+",
        "_PID=1",  # what systemd itself says of the unit; anybody may claim the field
        f"UNIT={UNIT}",
        "+",
        f"SYSLOG_IDENTIFIER={_MARKER}",
    ]


def _explain(code: int, complaint: str) -> None:
    """Say why nothing came, where that is not just silence.

    Raises:
        JournalUnreadable: The journal is not for us, is not there, or does not take the question.
        UsageInvalid: The time is none.
    """
    if "parse timestamp" in complaint:
        raise UsageInvalid("that is no time that --since takes", hint="--since 2h, or yesterday")
    if "not seeing messages" in complaint or "ermission" in complaint:
        raise JournalUnreadable(
            "this user may not read the agent's log",
            hint="sudo fieldpost logs, or: sudo usermod -aG systemd-journal $USER",
        )
    if "No journal files" in complaint or not any(each.is_dir() for each in JOURNALS):
        raise JournalUnreadable(
            "this computer keeps no journal",
            hint="the agent's log is where its stderr goes: the terminal of fieldpost run",
        )
    if code:
        first = (complaint.strip() or f"exit {code}").splitlines()[0]
        raise JournalUnreadable(f"journalctl: {printable(first)}", hint="fieldpost logs --help")


async def _each(stream: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines; one that is longer than any of ours is passed over."""
    while True:
        try:
            raw = await stream.readline()
        except ValueError:
            continue
        if not raw:
            return
        yield raw


def _parsed(raw: bytes) -> LogLine | None:
    """Read one line of `journalctl --output=json`; None if it is none."""
    try:
        told: Any = json.loads(raw)
        at = datetime.fromtimestamp(int(told["__REALTIME_TIMESTAMP"]) / 1_000_000, UTC)
        message = told.get("MESSAGE")
        if isinstance(message, list):  # bytes that are no UTF-8
            message = bytes(message).decode("utf-8", "replace")
        priority = int(told.get("PRIORITY", LEVELS["info"]))
        pid = told.get("_PID")
        return LogLine(
            at=at,
            level=next((name for name, most in LEVELS.items() if priority <= most), "debug"),
            message=printable(redact(str(message or ""))),
            pid=int(pid) if pid is not None else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None
