"""The `fieldpost` program: find the command, import only that, run it, and say how it ended."""

import io
import os
import sys
from collections.abc import Sequence

from device.cli import commands, exit_codes, parsers
from device.cli.complaint import complain, tell_bugs
from device.cli.invocation import Invocation
from device.cli.parser import Parser, add_globals
from device.errors import FieldpostError, UsageInvalid

OFFERS = "__complete"
"""The word by which a shell asks what could come next; see offers.py."""
_TAKES_VALUE = {"-c", "--config", "--color"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code. The console script's entry point."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        tell_bugs()
        _write_anywhere(json="--json" in arguments)
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of stdout has seen enough. Nothing more may be written, at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    except KeyboardInterrupt as interrupt:
        return exit_codes.exit_code(interrupt)
    except SystemExit as leaving:  # argparse, after --help or --version
        return leaving.code if isinstance(leaving.code, int) else exit_codes.OK
    except FieldpostError as error:
        return complain(error, json="--json" in arguments, debug="--debug" in arguments)
    return code


def _write_anywhere(*, json: bool) -> None:
    """Let no letter end the program on a terminal that cannot show it; JSON is UTF-8 everywhere."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if json else None, errors="replace")


def _run(arguments: list[str]) -> int:
    if arguments[:1] == [OFFERS]:
        from device.cli import offers  # noqa: PLC0415 - only a shell asks

        return offers.answer(arguments[1:])
    before, words, after = split(arguments)
    top = parsers.top()
    args = top.parse_args(before)
    if args.version:
        words, after = ["version"], []
    if not words:
        top.print_help(sys.stderr)
        raise UsageInvalid("no command was given", hint="fieldpost status")
    name = " ".join(words)
    if name in commands.GROUPS:
        return _group(name, after)
    if name not in commands.COMMANDS:
        raise commands.unknown(words)
    command, parser = parsers.of(name)
    args = parser.parse_args(after, args)
    return command.main(args, Invocation.of(args))


def split(arguments: list[str]) -> tuple[list[str], list[str], list[str]]:
    """Part a command line into global options, the command's words, and what follows them."""
    before: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("-"):
            before.append(argument)
            if argument in _TAKES_VALUE:
                before.extend(value for value in [next(rest, None)] if value is not None)
            elif words and argument in {"-h", "--help"}:
                return before[:-1], words, [argument, *rest]
        else:
            words.append(argument)
            if words[0] not in commands.GROUPS or len(words) > 1:
                break
    return before, words, list(rest)


def _group(name: str, after: list[str]) -> int:
    parser = Parser(name, commands.GROUPS[name], ())
    add_globals(parser)
    members = {
        full: purpose for full, purpose in commands.COMMANDS.items() if full.startswith(f"{name} ")
    }
    parser.listing = members
    parser.parse_args(after)
    parser.print_help(sys.stderr)
    raise UsageInvalid(f"{name} needs one of its commands", hint=f"fieldpost {next(iter(members))}")


if __name__ == "__main__":
    sys.exit(main())
