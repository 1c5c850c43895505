"""`fieldpost config check`."""

from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document

EXAMPLES = (
    ("fieldpost config check", "check what the agent would use"),
    ("fieldpost -c new.toml config check", "check a file before installing it"),
)


def arguments(_parser: ArgumentParser) -> None:
    """Declare nothing of its own."""


def main(_args: Namespace, call: Invocation) -> int:
    """Load everything, the token file too; problems are raised as one `ConfigInvalid`."""
    call.start_logs()
    loaded = call.loaded(needs_token=True)
    if call.json:
        document({"valid": True, "files": loaded.files, "warnings": loaded.warnings})
    else:
        files = ", ".join(map(str, loaded.files)) or "no file, so all defaults"
        print(f"the configuration is valid ({files})")
    return 0
