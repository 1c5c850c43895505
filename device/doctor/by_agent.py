"""What the running agent knows of a recorder: nobody else may open what it holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from device.doctor import Scene
from device.verdict import Finding, failed, ok, skipped, warning
from device.words import printable, relative

OLD_S = 3600.0


def told(scene: Scene, url: str) -> Finding:
    """Say how the agent fares with a recorder."""
    status: Mapping[str, Any] = scene.status or {}
    for unreached in status.get("unreached", ()):
        if unreached["url"] == url:
            return failed(
                f"the agent cannot read it: {printable(unreached['problem'])}",
                printable(unreached.get("hint") or "fieldpost status"),
            )
    heard = [
        seen
        for each in status.get("recorders", ())
        if (seen := each.get("last_seen")) and seen["url"] == url
    ]
    if not heard:
        return skipped("the agent holds it and has not met a recorder there yet")
    latest = max(heard, key=lambda seen: str(seen["at"]))
    at = datetime.fromisoformat(latest["at"])
    said = f"the agent met {printable(who(latest))} {relative(at, scene.now)}"
    if (scene.now - at).total_seconds() > OLD_S:
        return warning(said, "switch the recorder on, or bring it nearer")
    return ok(said)


def who(seen: Mapping[str, Any]) -> str:
    """Name a recorder that was met."""
    return str(seen.get("serial") or seen.get("model") or "it")
