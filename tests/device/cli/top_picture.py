"""The picture of `top` in the docs: python -m tests.device.cli.top_picture docs/top.svg."""

import inspect
import io
import os
import re
import sys
import time
from pathlib import Path

from rich.console import Console

from device.cli.live_frame import Frame
from device.cli.live_marks import Marks
from device.cli.live_screen import text
from tests.device.cli.moment import NOW, board, status

COLUMNS, ROWS = 80, 22


def picture() -> str:
    """Draw a made-up moment just as `top` does."""
    console = Console(
        record=True, width=COLUMNS, height=ROWS, file=io.StringIO(), force_terminal=True
    )
    shown, now_s = board(status())
    frame = Frame(columns=COLUMNS, rows=ROWS, marks=Marks.of("utf-8"))
    console.print(text(frame.lines(shown, NOW, now_s), "utf-8"))
    # Nothing is fetched to look at it: the reader's own fixed-width font has to do.
    usual = inspect.signature(console.export_svg).parameters["code_format"].default
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", usual, flags=re.DOTALL)
    plain = plain.replace("Fira Code, monospace", "ui-monospace, DejaVu Sans Mono, monospace")
    picture = console.export_svg(title="fieldpost top", unique_id="top", code_format=plain)
    return "\n".join(line.rstrip() for line in picture.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    Path(sys.argv[1]).write_text(picture())
