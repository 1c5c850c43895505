"""What the demo found, judged and drawn: are all digests equal, and what did the cuts cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.demo.comparing import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """One recorder at the end: its recordings as `compare` gives them, and what it still holds.

    `most_reread_bytes` is what its cut may cost; `because` puts it in words where it is much.
    """

    name: str
    recordings: Sequence[Json]
    held: Sequence[str]
    most_reread_bytes: int
    because: str = ""

    @property
    def reread_bytes(self) -> int:
        """What it sent twice."""
        return sum(recording["bytes_reread"] for recording in self.recordings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was seen when everything had ended.

    `most_resent_bytes` is what the cut of the line to the cloud may cost; `missed` names the lines
    that were to be cut and were not.
    """

    emptied: Sequence[Emptied]
    most_resent_bytes: int
    missed: Sequence[str]
    agent_code: int

    @property
    def recordings(self) -> list[Json]:
        """Those of all recorders."""
        return [recording for each in self.emptied for recording in each.recordings]

    @property
    def resent_bytes(self) -> int:
        """What the agent sent to the cloud twice."""
        return sum(each["bytes_resent"] - each["bytes_reread"] for each in self.recordings)


def size(recording: Json) -> int:
    """Return the bytes of all its media."""
    return sum(medium["bytes"] for medium in recording["media"])


def faults(outcome: Outcome) -> list[str]:
    """Say everything that is not as promised."""
    found = []
    for recording in outcome.recordings:
        name = f"recording {recording['id'][:8]}"
        if recording["state"] != "released":
            found.append(f"{name} is {recording['state']}, not released")
        for medium in recording["media"]:
            digests = {medium[f"sha256_{where}"] for where in ("recorder", "spool", "store")}
            if len(digests) != 1:
                found.append(f"{name}: the digests of {medium['name']} differ")
    for each in outcome.emptied:
        if each.held:
            found.append(f"{each.name} is not empty: it holds {len(each.held)} recordings")
        if each.reread_bytes > each.most_reread_bytes:
            found.append(
                f"{each.name} sent {each.reread_bytes:,} bytes twice; "
                f"its cut allows {each.most_reread_bytes:,}"
            )
    if outcome.resent_bytes > outcome.most_resent_bytes:
        found.append(
            f"{outcome.resent_bytes:,} bytes went to the cloud twice; "
            f"its cut allows {outcome.most_resent_bytes:,}"
        )
    found += [
        f"{line} was never cut, so nothing is proven: run it again" for line in outcome.missed
    ]
    if outcome.agent_code != 0:
        found.append(f"the agent exited {outcome.agent_code}")
    return found


def praise(outcome: Outcome, seconds: float) -> str:
    """Say that all is as promised, and what the cuts cost; one line each."""
    empty = "the recorder is" if len(outcome.emptied) == 1 else "both recorders are"
    lines = [f"every digest agrees at all three, and {empty} empty; {seconds:.1f} s"]
    lines += [
        f"sent twice by {each.name}: {each.reread_bytes:,} bytes; its cut allows "
        f"{each.because or f'{each.most_reread_bytes:,}'}"
        for each in outcome.emptied
    ]
    lines.append(
        f"sent twice to the cloud: {outcome.resent_bytes:,} bytes; its cut allows "
        f"{outcome.most_resent_bytes:,}"
    )
    return "\n".join(lines)


def draw(outcome: Outcome, console: Console) -> None:
    """Draw the tables people look at: at most 80 columns wide."""
    for each in outcome.emptied:
        _draw(each, console)


def _draw(emptied: Emptied, console: Console) -> None:
    table = Table(title=f"{emptied.name}: sha256 at recorder = in spool = in store")
    for name in ("recording", "medium", "bytes", "sha256", "state", "re-sent", "s"):
        table.add_column(name, justify="right" if name in {"bytes", "re-sent", "s"} else "left")
    for recording in emptied.recordings:
        for number, medium in enumerate(recording["media"]):
            digests = {medium[f"sha256_{where}"] for where in ("recorder", "spool", "store")}
            digest = medium["sha256_recorder"][:8]
            first = number == 0
            table.add_row(
                recording["id"][:8] if first else "",
                medium["name"],
                f"{medium['bytes']:,}",
                f"[green]{digest} ok[/]" if len(digests) == 1 else f"[red]{digest} DIFFERS[/]",
                recording["state"] if first else "",
                f"{recording['bytes_resent']:,}" if first else "",
                f"{recording['seconds']:.1f}" if first else "",
            )
    console.print(table)


def document(recordings: Sequence[Json], seconds: float) -> str:
    """Give the same as one JSON document."""
    return json.dumps(
        {"schema": 1, "recordings": list(recordings), "seconds": round(seconds, 2)}, indent=2
    )
