"""`fieldpost reload`: have the running agent read its configuration again."""

from argparse import ArgumentParser, Namespace

from device.cli.agent_client import AgentClient
from device.cli.invocation import Invocation
from device.cli.output import document
from device.words import printable

EXAMPLES = (
    ("fieldpost reload", "go on by what the files say now (systemctl reload does this)"),
    ("fieldpost reload --json", "the same, with the outcome for programs"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Ask and wait for the outcome; a configuration that is refused leaves the old one in force."""
    call.start_logs()
    changed = AgentClient.of(call.config(), call.environ).post("/v1/reload")["changed"]
    if call.json:
        document({"changed": changed})
    elif changed:
        print(f"reloaded; begun anew: {printable(', '.join(changed))}")
    else:
        print("reloaded; nothing changed")
    return 0
