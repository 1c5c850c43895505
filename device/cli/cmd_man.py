"""`fieldpost man`: the manual pages, written from the program itself."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from device.cli.invocation import Invocation
from device.cli.manual import PAGES
from device.cli.output import document
from device.errors import UsageInvalid

EXAMPLES = (
    ("fieldpost man --install ~/.local/share/man", "then: man fieldpost, man fieldpost.toml"),
    ("fieldpost man fieldpost.toml.5", "print one page for man -l -"),
)


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "page", nargs="?", choices=list(PAGES), default="fieldpost.1", help="default: fieldpost.1"
    )
    parser.add_argument(
        "--install", metavar="FOLDER", type=Path, help="write all pages below this folder of man's"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Print a page, or install all."""
    written: list[Path] = []
    if args.install is None:
        text = PAGES[args.page]()
        if call.json:
            document({"page": args.page, "text": text, "installed": written})
        else:
            print(text, end="")
        return 0
    for name, write in PAGES.items():
        place = args.install / f"man{name[-1]}" / name
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(write(), encoding="ascii")
        except OSError as error:
            raise UsageInvalid(f"cannot write {place}: {error.strerror}") from error
        written.append(place)
    if call.json:
        document({"page": None, "text": None, "installed": written})
    for place in () if call.json else written:
        print(place)
    return 0
