"""`fieldpost config path`."""

from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document

EXAMPLES = (
    ("fieldpost config path", "the files that are read, in order"),
    ("fieldpost config path --json", "the same for programs"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Print the files that exist and are read; later ones win."""
    call.start_logs()
    files = call.loaded().files
    if call.json:
        document({"files": files})
    for file in () if call.json else files:
        print(file)
    return 0
