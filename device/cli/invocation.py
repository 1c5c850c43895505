"""One call of the program: global options, environment, and how to load the configuration."""

import logging
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from device import logs
from device.config import Config
from device.config_file import Loaded, load

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What every command may ask about how it was called."""

    environ: Mapping[str, str]
    config_file: Path | None = None
    verbose: int = 0
    quiet: bool = False
    json: bool = False
    color: str = "auto"
    no_input: bool = False
    debug: bool = False

    @classmethod
    def of(cls, args: Namespace) -> "Invocation":
        """Take the global options out of parsed arguments."""
        return cls(
            environ=dict(os.environ),
            config_file=getattr(args, "config", None),
            verbose=getattr(args, "verbose", 0),
            quiet=getattr(args, "quiet", False),
            json=getattr(args, "json", False),
            color=getattr(args, "color", "auto"),
            no_input=getattr(args, "no_input", False),
            debug=getattr(args, "debug", False),
        )

    def start_logs(self, *, carries: bool = False) -> None:
        """Set logging up: each -v goes one level deeper than is usual for the command.

        A command that carries recordings logs its steps, except where bars show them already.
        """
        usual = logging.INFO if carries and not self.draws() else logging.WARNING
        level = logging.WARNING if self.quiet else max(logging.DEBUG, usual - 10 * self.verbose)
        logs.setup(level, self.environ)

    def loaded(self, *, needs_token: bool = False) -> Loaded:
        """Read the configuration and log its warnings.

        Raises:
            ConfigInvalid: Lists all problems.
        """
        loaded = load(self.config_file, self.environ, needs_token=needs_token)
        for warning in loaded.warnings:
            _logger.warning("%s", warning)
        return loaded

    def config(self, *, needs_token: bool = False) -> Config:
        """Read the configuration; see `loaded`.

        Its warnings are for commands that send, and for `config`: whoever looks at the spool
        ten times a day would read them ten times.
        """
        if needs_token:
            return self.loaded(needs_token=True).config
        return load(self.config_file, self.environ, needs_token=False).config

    def coloured(self, stream: TextIO) -> bool:
        """Say whether a stream takes colour."""
        if self.color != "auto":
            return self.color == "always"
        plain = self.environ.get("NO_COLOR") or self.environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def draws(self) -> bool:
        """Say whether progress is drawn as bars: a person watches stderr."""
        return not self.quiet and sys.stderr.isatty() and self.environ.get("TERM") != "dumb"

    def asks(self) -> bool:
        """Say whether a person is there to answer a question."""
        return not self.no_input and sys.stdin.isatty() and sys.stderr.isatty()
