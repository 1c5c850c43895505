"""Run all checks at once, each under its deadline, and skip what cannot be known."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

from device.doctor import BUILTIN, CONFIG, Check, Result, Scene
from device.errors import CloudError, FieldpostError
from device.verdict import Finding, Verdict, failed, skipped
from device.words import printable

logger = logging.getLogger(__name__)

EACH_S = 10.0
"""A check that takes longer has found out enough."""

_BUG = "fieldpost bugreport, and send us the file: this is a fault of the check itself"

_Key = tuple[str, str]


def every_check() -> tuple[Check, ...]:
    """Load the table."""
    found: list[Check] = []
    for place in BUILTIN:
        module, _, name = place.partition(":")
        found.extend(cast("tuple[Check, ...]", getattr(import_module(module), name)))
    return tuple(found)


async def examine(scene: Scene, checks: Sequence[Check]) -> list[Result]:
    """Run the checks and return their results in the order of the table.

    Args:
        scene: What they look at.
        checks: Each comes after those that it needs.
    """
    by_code = {check.code: check for check in checks}
    # What looks at parts of the configuration has no parts while that cannot be read.
    usable = scene.loaded is not None
    keys: list[_Key] = []
    for check in checks:
        listed = usable or check.code == CONFIG or not _uses_config(check, by_code)
        keys += [(check.code, each) for each in (check.subjects(scene) if listed else ("",))]
    tasks: dict[_Key, asyncio.Task[Result]] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for key in keys:
                check = by_code[key[0]]
                awaited = {
                    other: task
                    for need in check.needs
                    for other, task in tasks.items()
                    if other[0] == need and other[1] in (_told(need, key[1], tasks))
                }
                tasks[key] = group.create_task(
                    _result(check, key[1], scene, awaited), name=f"{key[0]} {key[1]}".strip()
                )
    finally:
        for scan in scene.scans.values():
            scan.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await scan
    return [tasks[key].result() for key in keys]


def _uses_config(check: Check, by_code: Mapping[str, Check]) -> bool:
    return any(
        need == CONFIG or (need in by_code and _uses_config(by_code[need], by_code))
        for need in check.needs
    )


def _told(need: str, subject: str, tasks: Mapping[_Key, object]) -> set[str]:
    """Say which subjects of a needed check matter for one of ours."""
    every = {other for code, other in tasks if code == need}
    return {subject} if subject in every else every


async def _result(
    check: Check, subject: str, scene: Scene, awaited: Mapping[_Key, "asyncio.Task[Result]"]
) -> Result:
    for (code, _), task in awaited.items():
        before = await asyncio.shield(task)
        if before.finding.verdict in {Verdict.FAILED, Verdict.SKIPPED}:
            because = before.because or code
            said = (
                "failed"
                if before.because or before.finding.verdict is Verdict.FAILED
                else "was skipped"
            )
            finding = skipped(f"not looked at, because {because} {said}")
            return Result(
                code=check.code,
                subject=subject or None,
                finding=finding,
                seconds=0.0,
                because=because if said == "failed" else None,
            )
    begun_s = scene.clock.monotonic()
    finding = await _found(check, subject, scene)
    seconds = scene.clock.monotonic() - begun_s
    return Result(code=check.code, subject=subject or None, finding=finding, seconds=seconds)


async def _found(check: Check, subject: str, scene: Scene) -> Finding:
    """Run one check; however it ends, that is a finding."""
    try:
        async with asyncio.timeout(EACH_S):
            return await check.run(scene, subject)
    except TimeoutError:
        return failed(
            f"was not done in {EACH_S:.0f} s", "try again; if that stays, look at it with probe"
        )
    except FieldpostError as error:
        cloud = isinstance(error, CloudError)
        return failed(
            printable(str(error)),
            error.hint or ("fieldpost probe cloud" if cloud else "fieldpost status"),
        )
    except Exception as error:
        logger.debug("A check failed unexpectedly", exc_info=True, extra={"check": check.code})
        return failed(f"the check crashed: {type(error).__name__}: {error}", _BUG)
