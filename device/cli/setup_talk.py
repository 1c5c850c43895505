"""Talk: the questions of `setup`, in plain lines on stderr for any terminal and screen reader."""

import getpass
import os
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from device.cli.outcome import Stopped
from device.errors import FieldpostError, UsageInvalid
from device.logs import redact
from device.words import printable

T = TypeVar("T")

TRIES = 5
"""Answers to one question that cannot be used, before nobody sensible seems to be there."""
_NARROWEST, _WIDEST = 20, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Where questions go. With `asks` false every question is answered by what is in brackets."""

    asks: bool
    quiet: bool = False

    def say(self, text: str = "", *, indent: str = "") -> None:
        """Tell something, broken between words to the terminal's width."""
        if not self.quiet:
            self._write(_broken(text, indent) + "\n")

    def show(self, text: str) -> None:
        """Show lines as they are."""
        if not self.quiet:
            self._write("".join(f"{printable(line)}\n" for line in text.split("\n")))

    def trouble(self, error: FieldpostError) -> None:
        """Tell what went wrong, and what to do about it."""
        self.say(str(error))
        if error.hint:
            self.say(f"try: {error.hint}", indent="  ")

    def ask(
        self, question: str, read: Callable[[str], T], *, default: str | None, option: str
    ) -> T:
        """Ask until the answer can be read.

        Args:
            question: The default is shown behind it.
            read: Makes a value of an answer; raises `UsageInvalid` where there is none in it.
            default: What an empty answer means; None: it means nothing.
            option: Says the same on the command line; told where nobody answers.

        Raises:
            Stopped: The terminal was closed, or Ctrl-D was typed.
            UsageInvalid: Nobody is there to be asked, or no answer could be used.
        """
        if not self.asks:
            if default is None:
                raise UsageInvalid(f"nobody is asked, and {option} is not there", hint=option)
            return read(default)
        shown = f"{question} [{default}]: " if default is not None else f"{question}: "
        for _ in range(TRIES):
            self._write(_broken(shown, "") + " ")
            answer = self._line(option).strip() or default
            if answer is None:
                continue
            try:
                return read(answer)
            except UsageInvalid as useless:
                self._write(_broken(f"{useless}", "  ") + "\n")
        raise UsageInvalid(
            f"{TRIES} answers could not be used; nothing was changed",
            hint=f"fieldpost setup {option}",
        )

    def yes(self, question: str, *, default: bool, option: str) -> bool:
        """Ask for yes or no."""
        return self.ask(question, _yes_or_no, default="yes" if default else "no", option=option)

    def secret(self, question: str, option: str) -> str:
        """Ask for what is not to be shown; empty where it is skipped, or nobody is asked."""
        if not self.asks:
            return ""
        shown = _broken(f"{question}: ", "") + " "
        if not sys.stdin.isatty():
            self._write(shown)
            return self._line(option).strip()
        try:
            return getpass.getpass(shown, stream=sys.stderr).strip()
        except EOFError as error:
            raise _gone() from error

    def _line(self, option: str) -> str:
        line = sys.stdin.readline()
        if line:
            return line
        self._write("\n")
        if sys.stdin.isatty():
            raise _gone()
        raise UsageInvalid(
            "no more answers came; nothing was changed", hint=f"{option}, or --yes for all defaults"
        )

    def _write(self, text: str) -> None:
        sys.stderr.write(redact(text))
        sys.stderr.flush()


def columns() -> int:
    """Say how wide lines may be."""
    try:
        wide = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        wide = _WIDEST
    return max(_NARROWEST, min(wide or _WIDEST, _WIDEST))


def _broken(text: str, indent: str) -> str:
    safe = "\n".join(printable(line) for line in text.split("\n"))
    return "\n".join(
        textwrap.fill(
            line,
            columns() - 1,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in safe.split("\n")
    )


def _yes_or_no(answer: str) -> bool:
    word = answer.lower()
    if word in {"y", "yes"}:
        return True
    if word in {"n", "no"}:
        return False
    raise UsageInvalid("type yes or no")


def _gone() -> Stopped:
    return Stopped("nobody answers any more; nothing was changed")
