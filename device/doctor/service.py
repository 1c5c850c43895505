"""Checks of the agent: does systemd run it, does it hold the spool, does it complain?"""

import asyncio

from device.doctor import CONFIG, Check, Scene
from device.doctor.ask_system import asked
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import count, printable

UNIT = "fieldpost.service"
_ASKED = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "UnitFileState")


async def service_active(scene: Scene, _subject: str) -> Finding:  # noqa: PLR0911 - a table
    """Does systemd run the agent, and does it start at boot?"""
    booted = scene.root / "run" / "systemd" / "system"
    if not await asyncio.to_thread(booted.is_dir):
        return skipped("systemd does not run this computer")
    said = await asked("systemctl", "show", UNIT, *(f"--property={name}" for name in _ASKED))
    if said is None:
        return skipped("systemctl does not answer")
    told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if told.get("LoadState") != "loaded":
        if scene.agent_pid is not None:
            return warning(
                "an agent runs, but not as a service: it ends with its terminal",
                "install the Debian package (systemd/README.md)",
            )
        return failed(f"{UNIT} is not installed", "install the Debian package (systemd/README.md)")
    state = told.get("ActiveState", "unknown")
    if state == "failed":
        return failed(
            f"{UNIT} failed ({told.get('Result', 'unknown')})",
            "fieldpost logs --since 1h, then: sudo systemctl restart fieldpost",
        )
    if state != "active":
        return failed(f"{UNIT} is {state}", "sudo systemctl enable --now fieldpost")
    restarts = int(told.get("NRestarts") or 0)
    if restarts:
        return warning(
            f"systemd had to restart the agent {count(restarts, 'time')}",
            "fieldpost logs --since 1d --level warning",
        )
    if told.get("UnitFileState") == "disabled":
        return warning("runs, but does not start at boot", "sudo systemctl enable fieldpost")
    return ok(f"{UNIT} is active ({told.get('SubState', '')})")


async def spool_locked(scene: Scene, _subject: str) -> Finding:
    """Does an agent hold the spool, and does it answer?"""
    status = scene.status
    if status is None:
        why = scene.trouble
        return failed(
            printable(str(why or "the spool cannot be looked at")),
            (why and why.hint) or "sudo fieldpost doctor",
        )
    if scene.agent_pid is None:
        return failed(
            "no agent runs: nothing is pulled or uploaded", "sudo systemctl start fieldpost"
        )
    who = f"pid {scene.agent_pid}" if scene.agent_pid else "pid unknown"
    if status.get("source") != "agent":
        return failed(
            f"an agent holds the spool ({who}), and its control socket does not answer",
            "add yourself to group fieldpost, or: sudo systemctl restart fieldpost",
        )
    return ok(f"held by the agent ({who}), which answers")


async def agent_health(scene: Scene, _subject: str) -> Finding:
    """Does the agent itself warn of something?"""
    warnings = list((scene.status or {}).get("warnings") or ())
    if not warnings:
        return ok("the agent warns of nothing")
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return warning(printable(str(warnings[0])) + more, "fieldpost status")


CHECKS = (
    Check(code="service-active", run=service_active),
    Check(code="spool-locked-by-agent", run=spool_locked, needs=(CONFIG,)),
    Check(code="agent-health", run=agent_health, needs=("spool-locked-by-agent",)),
)
