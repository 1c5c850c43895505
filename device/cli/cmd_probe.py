"""`fieldpost probe`: go the way to one recorder or cloud, step by step."""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from device.cli import exit_codes
from device.cli.cmd_doctor import columns
from device.cli.invocation import Invocation
from device.cli.output import document
from device.cli.scene import told
from device.cli.verdict_lines import lines
from device.config import Config
from device.errors import FieldpostError, UsageInvalid
from device.proxies import split
from device.verdict import Verdict

if TYPE_CHECKING:
    from device.probe import Step

EXAMPLES = (
    ("fieldpost probe cloud", "the configured cloud, or any https:// address"),
    ("fieldpost probe ble://C0:FF:EE:00:00:01", "a recorder; serial:// and folder:// too"),
    ("fieldpost probe cloud --bytes 4M", "measure the rate too; what is sent is deleted again"),
)
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20}
_MOST_BYTES = 64 << 20
_LONG_MS = 1000


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument(
        "url", metavar="URL", help="http(s)://, serial://, ble://, folder://; or cloud, or images"
    )
    parser.add_argument(
        "--bytes", metavar="N", type=_size, default=0,
        help="send so much to our own gateway to tell the rate, such as 512K or 4M (at most 64M)",
    )  # fmt: skip


def main(args: Namespace, call: Invocation) -> int:
    """Tell each step as it is done; what failed is the last one."""
    call.start_logs()
    config = call.config()
    url = _address(args.url, config)
    import asyncio  # noqa: PLC0415 - `probe --help` need not pay for it

    from device import registry  # noqa: PLC0415 - as above
    from device.clock import SystemClock  # noqa: PLC0415 - as above
    from device.documents.examined import probe_object  # noqa: PLC0415 - as above
    from device.probe import BUILTIN, Probe  # noqa: PLC0415 - as above

    scheme = urlsplit(url).scheme
    if scheme not in BUILTIN:
        known = ", ".join(f"{each}://" for each in BUILTIN)
        raise UsageInvalid(f"{args.url!r} cannot be probed; known are {known}", hint="probe cloud")
    probe = Probe(
        url=url,
        config=config,
        environ=dict(os.environ),
        clock=SystemClock(),
        status=_status(config, call),
        send_bytes=args.bytes,
    )

    async def go() -> "list[Step]":
        gone: list[Step] = []
        make: Any = registry.resolve("probe", BUILTIN, scheme)
        async with aclosing(make(probe)) as steps:
            async for step in steps:
                gone.append(step)
                if not call.json:
                    _tell(step, call)
        return gone

    gone = asyncio.run(go())
    if call.json:
        document(probe_object(url, gone))
    failed = any(step.finding.verdict is Verdict.FAILED for step in gone)
    return exit_codes.FAILED if failed else exit_codes.OK


def _tell(step: "Step", call: Invocation) -> None:
    ms = 1000 * step.seconds
    took = f" ({ms:.0f} ms)" if 1 <= ms < _LONG_MS else f" ({step.seconds:.1f} s)"
    name = step.name + (took if ms >= 1 else "")
    shown = lines(name, step.finding, width=columns(), colour=call.coloured(sys.stdout))
    print("\n".join(shown), flush=True)


def _status(config: Config, call: Invocation) -> Any:
    """Ask who holds what; without an answer nobody does."""
    try:
        return told(config, call)
    except FieldpostError:
        return None


def _address(asked: str, config: Config) -> str:
    """Take `cloud` and `images` for what is configured; a host alone for https://."""
    if asked == "cloud":
        return config.cloud.base_url
    if asked == "images":
        if config.cloud_images is None:
            raise UsageInvalid("no [cloud.images] is configured", hint="fieldpost probe cloud")
        return config.cloud_images.base_url
    url = asked if "://" in asked else f"https://{asked}"
    parts = split(url)
    if parts is None or not (parts.netloc or parts.path):
        raise UsageInvalid(f"{asked!r} is no address", hint="fieldpost probe --help")
    return url


def _size(text: str) -> int:
    unit = text[-1:].upper() if text[-1:].upper() in _FACTORS else ""
    number = text[: len(text) - len(unit)]
    if not (number.isascii() and number.isdigit()):
        raise ArgumentTypeError(f"{text!r} is not a size such as 512K or 4M")
    size_bytes = int(number) * _FACTORS[unit]
    if size_bytes > _MOST_BYTES:
        raise ArgumentTypeError(f"{text!r} is more than 64M")
    return size_bytes
