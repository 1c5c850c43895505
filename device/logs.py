"""Logs on stderr, for the journal or for people; every line passes one redactor."""

import json
import logging
import os
import re
import sys
from collections.abc import Mapping

_SECRETS = (
    # Tokens of the Bota API: device, secret, restricted, upload. `task_x` is none; in an escaped
    # text the letter before a token may belong to a line break.
    (
        re.compile(
            r"(dtok|(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:sk|rk|up))_[A-Za-z0-9._~+/=-]*[A-Za-z0-9]"
        ),
        r"\1_***",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), r"\1 ***"),
    # A presigned URL is a bearer secret: its query, and user:password@ of any URL.
    # A serial port's URL has a query too, and no secret in it.
    (
        re.compile(
            r"((?<![A-Za-z0-9+.-])(?!serial:)[A-Za-z][A-Za-z0-9+.-]{0,19}://[^\s?#\"'<>]*)\?[^\s\"'<>)\]]*"
        ),
        r"\1?***",
    ),
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,19}://)[^\s/?#@\"'<>]+@"), r"\1***@"),
    # The same query where a library prints only path and query.
    (
        re.compile(
            r"(?i)([?&](?:x-(?:amz|goog)-[a-z-]+|signature|sig|token|[a-z_]*key[a-z_-]*|credential)=)"
            r"[^&\s\"'<>)]+"
        ),
        r"\1***",
    ),
)
# A recorder chooses names that end up in logs: no line breaks, no terminal escapes.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BARE = re.compile(r"[^\s\"=]+")
_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)


def redact(text: str) -> str:
    """Take tokens and the queries of URLs out of a text that leaves the program."""
    for secret, replacement in _SECRETS:
        text = secret.sub(replacement, text)
    return text


def setup(level: int, environ: Mapping[str, str] = os.environ) -> None:
    """Send all logs of `level` and above to stderr; calling it again replaces the earlier setting.

    Under the journal each line starts with its priority (`<4>`, sd-daemon(3)); otherwise with time
    and level. A terminal is never the journal, although desktops let it inherit `JOURNAL_STREAM`.
    """
    journal = bool(environ.get("JOURNAL_STREAM")) and not sys.stderr.isatty()
    sink = _Stderr()
    sink.setFormatter(Line(journal=journal))
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, _Stderr)]:
        root.removeHandler(old)
    root.addHandler(sink)
    root.setLevel(level)


class Line(logging.Formatter):
    """One record as text: sentence, facts as key=value, exception; redacted as a whole."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`; facts come from `extra=`."""
        facts = [f"{key}={_fact(value)}" for key, value in vars(record).items() if key not in _OWN]
        sentence = record.getMessage().replace("\n", " ")
        text = "\n".join([" ".join([sentence, *facts]), *self._trouble(record)])
        text = _CONTROL.sub("�", redact(text).replace("\t", "    "))
        if self._journal:
            # The journal makes an entry of each line, so each needs its priority.
            priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
            return "\n".join(f"<{priority}>{line}" for line in text.splitlines())
        return f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():<7} {text}"

    def _trouble(self, record: logging.LogRecord) -> list[str]:
        trouble = []
        if record.exc_info:
            trouble.append(self.formatException(record.exc_info))
        if record.stack_info:
            trouble.append(self.formatStack(record.stack_info))
        return trouble


class _Stderr(logging.Handler):
    """Writes to what stderr is now: progress bars replace it while they are on screen."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            # Nobody reads stderr any more; carrying recordings matters more than telling.
            return


def _fact(value: object) -> str:
    text = str(value)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)
