"""`fieldpost recorders`: look at each configured recorder."""

import sys
import textwrap
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from device.cli import agents_own, recorder_words, scene
from device.cli.invocation import Invocation
from device.cli.output import WIDE, document, page_width, sentence, width
from device.cli.tables import spilling, stacked
from device.config import Config
from device.errors import FieldpostError
from device.words import count, printable, size

if TYPE_CHECKING:
    from device.survey import RecorderView

EXAMPLES = (
    ("fieldpost recorders", "who is there, and how much each holds"),
    ("fieldpost recorders --json", "the same for programs"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Open each recorder, read-only; ends with the first failure's code when none answered."""
    call.start_logs()
    config = call.config()
    import asyncio  # noqa: PLC0415 - needed here alone

    from device import survey  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    views = [
        replace(view, error=agents_own.named(view.error, view.config.url, config, call))
        if view.error
        else view
        for view in asyncio.run(survey.look(config))
    ]
    left = _left(config, call)
    if call.json:
        document({"recorders": [_object(view, left) for view in views]})
    elif views:
        for line in _lines(views, left):
            print(line)
    else:
        print("no recorder is configured")
    errors = [view.error for view in views if view.error]
    if not call.json:
        _explain(errors)
    return errors[0].exit_code if errors and len(errors) == len(views) else 0


def _left(config: Config, call: Invocation) -> dict[str, dict[str, Any]]:
    """Look up, by URL, what needed a person when a visit last looked; unknown is none."""
    try:
        return {each["url"]: each for each in scene.told(config, call).get("notices", ())}
    except FieldpostError:
        return {}


def _lines(views: "Sequence[RecorderView]", left: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lay the rows out; below each comes how the recorder fares, where it tells."""
    heads = ("RECORDER", "DRIVER", "RECORDINGS", "SIZE", "ABOUT")
    rows = [_row(view) for view in views]
    more = [[*_fares(view), *_people(left.get(view.config.url))] for view in views]
    if (columns := page_width()) < WIDE:
        for row, below in zip(rows, more, strict=True):
            yield from stacked(heads[:-1], [row[:-1]], columns)
            yield from textwrap.wrap(
                printable(", ".join([row[-1], *below])),
                columns,
                initial_indent="  ",
                subsequent_indent="  ",
            )
        return
    yield from spilling(heads, rows, more, right={"RECORDINGS", "SIZE"}, width=width())


def _fares(view: "RecorderView") -> list[str]:
    told = recorder_words.fares(view.info) if view.info else []
    if view.listing is None:
        told += recorder_words.waiting(view.info, None)
    return told


def _people(noticed: Mapping[str, Any] | None) -> Iterator[str]:
    if noticed is not None:
        many = count(noticed["total"], "recording needs", "recordings need")
        yield f"{many} a person: {noticed['notices'][0]['recording']}; see: fieldpost status"


def _row(view: "RecorderView") -> tuple[str, ...]:
    driver = view.info.driver if view.info else view.config.driver or "-"
    if view.listing is None:
        problem = str(view.error or "no answer").removeprefix(f"{view.config.url}: ")
        return (view.config.url, driver, "-", "-", problem)
    recordings = view.listing.recordings
    total = sum(medium.size_bytes for each in recordings for medium in each.media)
    return (view.config.url, driver, str(len(recordings)), size(total), _about(view))


def _about(view: "RecorderView") -> str:
    parts: list[str] = []
    if info := view.info:
        parts += [part for part in (info.model, info.serial) if part]
        parts += recorder_words.firmware(info)
        if info.clock_offset_s is not None:
            parts.append(f"clock {round(info.clock_offset_s, 1) + 0.0:+.1f} s")
    if view.listing and view.listing.rejected:
        parts.append(f"{count(len(view.listing.rejected), 'thing')} cannot be pulled")
    if view.listing and not view.listing.complete:
        parts.append("listing incomplete")
    return ", ".join(parts) or "ok"


def _object(view: "RecorderView", left: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    listing = view.listing
    media = [medium for each in listing.recordings for medium in each.media] if listing else []
    return {
        "url": view.config.url,
        "info": view.info,
        "recordings": len(listing.recordings) if listing else None,
        "size_bytes": sum(medium.size_bytes for medium in media) if listing else None,
        "rejected": listing.rejected if listing else None,
        "complete": listing.complete if listing else None,
        "error": _problem(view.error) if view.error else None,
        "left": left.get(view.config.url),
    }


def _problem(error: FieldpostError) -> dict[str, Any]:
    return {"code": error.code, "message": str(error), "hint": error.hint}


def _explain(errors: list[FieldpostError]) -> None:
    for hint in dict.fromkeys(error.hint for error in errors if error.hint):
        sys.stderr.write(sentence(f"  try: {printable(hint)}") + "\n")
