"""`fieldpost upload PATH…`: send files from this computer as one recording."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from pathlib import Path

from device.cli.invocation import Invocation
from device.cli.outcome import carried, tell
from device.cli.progress import watching

EXAMPLES = (
    ("fieldpost upload call.opus", "one recording of one file"),
    (
        "fieldpost upload call.opus a.jpg b.jpg --metadata site=north",
        "one recording of three files, with a note",
    ),
    (
        "fieldpost upload call.opus --started-at 2026-03-01T07:30:00Z",
        "say when it was recorded",
    ),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="audio, images, video")
    parser.add_argument(
        "--started-at",
        metavar="TIME",
        type=_time,
        help="when the recording began, with its offset: 2026-03-01T07:30:00Z",
    )
    parser.add_argument(
        "--metadata",
        metavar="KEY=VALUE",
        type=_pair,
        action="append",
        default=[],
        help="a note for the cloud; may be repeated",
    )


def main(args: Namespace, call: Invocation) -> int:
    """Spool the files, upload them, and wait; the spool keeps them if the cloud is away."""
    call.start_logs(carries=True)
    config = call.config(needs_token=True)
    from device import once  # noqa: PLC0415 - heavy, and pointless if the configuration is bad

    with watching(call) as progress:
        summary = carried(
            once.upload_files(
                config,
                list(dict.fromkeys(args.paths)),
                started_at=args.started_at,
                metadata=dict(args.metadata),
                progress=progress,
            )
        )
    return tell(summary, call)


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time such as 2026-03-01T07:30:00Z") from error
    if moment.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} needs an offset: Z for UTC, or +02:00")
    return moment.astimezone(UTC)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
