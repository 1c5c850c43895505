"""The parser of the program, and of each command, as it is built when it is needed."""

from device.cli import commands
from device.cli.commands import Command
from device.cli.parser import Parser, add_globals

PURPOSE = "carry recordings to the cloud over bad links, and never lose one"
EXAMPLES = (
    ("fieldpost run", "carry recordings until stopped"),
    ("fieldpost status", "what is carried, what waits, and why"),
    ("fieldpost upload call.opus photo.jpg", "send files as one recording"),
)


def top() -> Parser:
    """Build what takes the options before a command."""
    parser = Parser("", PURPOSE, EXAMPLES)
    parser.add_argument("--version", action="store_true", help="show the version")
    add_globals(parser)
    parser.listing = commands.COMMANDS
    return parser


def of(name: str) -> tuple[Command, Parser]:
    """Import a command and build its parser."""
    command = commands.command(name)
    parser = Parser(name, commands.COMMANDS[name], command.EXAMPLES)
    command.arguments(parser)
    add_globals(parser)
    return command, parser
