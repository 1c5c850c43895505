"""The picture of `doctor`: python -m tests.device.cli.doctor_picture docs/doctor.svg."""

import inspect
import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from device.cli.cmd_doctor import told_lines
from device.doctor import Result
from device.verdict import Finding, failed, ok, skipped, warning

COLUMNS = 80


def _result(code: str, finding: Finding, **more) -> Result:
    return Result(code=code, subject=more.get("subject"), finding=finding, seconds=0.1,
                  because=more.get("because"))  # fmt: skip


_NOT = skipped("not looked at, because gateway-tls failed")
RESULTS = (
    _result("config-valid", ok("1 file, 2 recorders")),
    _result("clock-synced", ok("kept by the network; it is 2026-03-01 12:00 UTC")),
    _result("network", ok("4g on wwan0 (lte, -71 dBm, metered)")),
    _result("service-active", ok("fieldpost.service is active (running)")),
    _result("spool-locked-by-agent", ok("held by the agent (pid 712), which answers")),
    _result("spool-space", ok("11.8 GiB free, 741233 inodes")),
    _result(
        "oldest-undelivered",
        warning("the oldest of 14 recordings, 1.2 GiB waits for 2 d 3 h", "fieldpost status"),
    ),
    _result(
        "serial-open", ok("the agent met AM-07 1 min ago"),
        subject="serial:///dev/serial/by-id/usb-Acme_Recorder_AM-07-if00",
    ),
    _result("dns", ok("gateway.example has 2 addresses")),
    _result(
        "gateway-tls",
        failed(
            "the certificate of gateway.example ended 2026-02-27 00:00 UTC, and it is 2026-03-01"
            " 12:00 by this computer's clock",
            "check this computer's clock: timedatectl; if that is right, have whoever runs the"
            " server renew it",
        ),
    ),
    *(
        _result(code, _NOT, because="gateway-tls")
        for code in ("gateway-auth", "clock-skew", "presigned-put")
    ),
)  # fmt: skip


def picture() -> str:
    """Draw made-up results just as `doctor` does."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for line in ("$ fieldpost doctor", *told_lines(RESULTS, COLUMNS, colour=True)):
        console.print(Text.from_ansi(line))
    # Nothing is fetched to look at it: the reader's own fixed-width font has to do.
    usual = inspect.signature(console.export_svg).parameters["code_format"].default
    plain = re.sub(r"@font-face \{\{.*?\}\}", "", usual, flags=re.DOTALL)
    plain = plain.replace("Fira Code, monospace", "ui-monospace, DejaVu Sans Mono, monospace")
    drawn = console.export_svg(title="fieldpost doctor", unique_id="doctor", code_format=plain)
    return "\n".join(line.rstrip() for line in drawn.splitlines() if line.strip()) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture())
