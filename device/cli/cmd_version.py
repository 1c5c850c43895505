"""`fieldpost version`."""

import platform
from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document

EXAMPLES = (
    ("fieldpost version", "the version on one line"),
    ("fieldpost version --json", "with Python and platform, for a report"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print the version of the installed distribution."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import, needed here alone

    number = version("fieldpost")
    if call.json:
        python, machine = platform.python_version(), platform.platform()
        document({"version": number, "python": python, "platform": machine})
    else:
        print(f"fieldpost {number}")
    return 0
