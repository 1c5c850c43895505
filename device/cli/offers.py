"""What could come next on a command line, for the completion of shells.

A shell's script asks `fieldpost __complete SHELL WORD…`, the last word being the one that is typed,
and gets a line `value<TAB>about` for each offer; `:files` means that names of files come here. bash
hands over the whole line instead, since it takes words apart at colons.
"""

import argparse
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.cli import commands, parsers
from device.cli.invocation import Invocation
from device.cli.rescue import entries
from device.cli.views import SHORT_ID
from device.errors import FieldpostError
from device.model import State
from device.words import printable, size

FILES = ":files"
_ENTRY = {"ENTRY"}
_RECORDER = {"URL", "RECORDER"}
_PATHS = {"FILE", "PATH", "PLACE", "FOLDER", "DIR"}
_STATES = {
    "release": (State.STORED,),
    "quarantine show": (State.QUARANTINED,),
    "spool export": (State.SEALED, State.STORED, State.QUARANTINED),
}
_UNRELEASED = tuple(state for state in State if state is not State.RELEASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One word that could come next."""

    value: str
    about: str = ""


def answer(arguments: Sequence[str]) -> int:
    """Print what could come next; whatever is wrong, there is just nothing to offer."""
    shell, *words = arguments or [""]
    if shell == "bash":
        words = _words(words[0] if words else "")
    typed = words[-1] if words else ""
    for each in offers(words):
        if each.value == FILES:
            print(FILES)
        elif shell == "bash":
            print(_for_bash(each.value, typed))
        else:
            print(f"{each.value}\t{each.about}" if each.about else each.value)
    return 0


def offers(words: Sequence[str]) -> list[Offer]:
    """Say what the last of these words could become."""
    *before, typed = words or [""]
    try:
        found = list(_offers(before, typed))
    except (FieldpostError, OSError):
        return []
    return [each for each in found if each.value == FILES or each.value.startswith(typed)]


def _offers(before: list[str], typed: str) -> Iterator[Offer]:
    name, rest, config = _command(before)
    if name not in commands.COMMANDS:
        parser: argparse.ArgumentParser = parsers.top()
        if (action := _valued(parser, before)) is not None:
            yield from _values(action, "", config)
        elif typed.startswith("-"):
            yield from _options(parser)
        else:
            yield from _next_words(name)
        return
    _, parser = parsers.of(name)
    option, equals, _ = typed.partition("=")
    if (action := _valued(parser, rest)) is not None:
        yield from _values(action, name, config)
    elif equals and option.startswith("--"):
        for each in _values(_by_option(parser, option), name, config):
            yield each if each.value == FILES else Offer(value=f"{option}={each.value}")
    elif typed.startswith("-"):
        yield from _options(parser)
    elif (action := _positional(parser, rest)) is not None:
        yield from _values(action, name, config)


def _command(before: Sequence[str]) -> tuple[str, list[str], Path | None]:
    """Find the command among words, what follows it, and the configuration that is named."""
    name = ""
    rest: list[str] = []
    config = None
    words = iter(before)
    for word in words:
        if word in {"-c", "--config", "--color"}:
            value = next(words, None)
            if word != "--color" and value is not None:
                config = Path(value)
            rest += [word] if value is None else []
        elif word.startswith("--config="):
            config = Path(word.partition("=")[2])
        elif name in commands.COMMANDS:
            rest.append(word)
        elif not word.startswith("-"):
            name = f"{name} {word}".strip()
    return name, rest, config


def _next_words(name: str) -> Iterator[Offer]:
    """Offer commands and groups; within a group, its commands."""
    if not name:
        for group, purpose in commands.GROUPS.items():
            yield Offer(value=group, about=purpose)
    for full, purpose in commands.COMMANDS.items():
        group, _, member = full.rpartition(" ")
        if group == name:
            yield Offer(value=member, about=purpose)


def _options(parser: argparse.ArgumentParser) -> Iterator[Offer]:
    for action in parser._actions:  # noqa: SLF001 - argparse offers no other way to list them
        for option in action.option_strings:
            yield Offer(value=option, about=action.help or "")


def _by_option(parser: argparse.ArgumentParser, option: str) -> argparse.Action | None:
    for action in parser._actions:  # noqa: SLF001 - as above
        if option in action.option_strings:
            return action
    return None


def _valued(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Action | None:
    """Give the option whose value comes next, if the last word is one that takes a value."""
    action = _by_option(parser, words[-1]) if words else None
    return action if action is not None and action.nargs != 0 else None


def _positional(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Action | None:
    """Give the positional that comes next; the last one may take many."""
    given = 0
    rest = iter(words)
    for word in rest:
        if word.startswith("-"):
            if _valued(parser, [word]) is not None:
                next(rest, None)
        else:
            given += 1
    wanted = [each for each in parser._actions if not each.option_strings]  # noqa: SLF001 - as above
    if given < len(wanted):
        return wanted[given]
    return wanted[-1] if wanted and wanted[-1].nargs in {"*", "+"} else None


def _values(action: argparse.Action | None, name: str, config: Path | None) -> Iterator[Offer]:
    if action is None:
        return
    if action.choices is not None:
        for choice in action.choices:
            yield Offer(value=str(choice))
        return
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    call = Invocation(environ=dict(os.environ), config_file=config)
    if metavar in _ENTRY:
        for entry in entries(call.config(), *_STATES.get(name, _UNRELEASED)):
            told = f"{entry.state}, {size(entry.size_bytes)}, {entry.recording.key.recorder}"
            yield Offer(value=entry.id[:SHORT_ID], about=printable(told))
    elif metavar in _RECORDER:
        for recorder in call.config().recorders:
            yield Offer(value=recorder.url)
    elif metavar in _PATHS or action.type is Path:
        yield Offer(value=FILES)


def _words(line: str) -> list[str]:
    """Take bash's line apart; the quotes of the word that is typed may be open yet."""
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        return words[1:] if line[-1:].strip() or line.endswith("\\ ") else [*words[1:], ""]
    return [""]


def _for_bash(value: str, typed: str) -> str:
    """Give what bash puts in the place of what follows the last colon or equals sign."""
    done = max(typed.rfind(":"), typed.rfind("=")) + 1
    return re.sub(r"([^\w@%+=:,./~-])", r"\\\1", value[done:])
