"""Logs: one redactor for every line, facts beside sentences, priorities for the journal."""

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import logs
from device.logs import redact

CANARY = "c4n4ryS3cret"
PUNCTUATION = " \n\t\"'()<>[]{}:;,="
SECRETS = [
    f"dtok_live_{CANARY}",
    f"sk_live_{CANARY}",
    f"rk_{CANARY}",
    f"up_{CANARY}",
    f"Authorization: Bearer {CANARY}xyz",
    f"https://store.example/b/k?X-Amz-Signature={CANARY}&x=1",
    f"http://127.0.0.1:8080/v1/uploads/m?expires=1&signature={CANARY}",
    f"wss://h/p?token={CANARY}",
    f"https://user:{CANARY}@h/p",
    f"GET /v1/uploads/m?expires=1&signature={CANARY} failed",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def _root_logger_as_before():
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def said(environ=None, stream=None, *, level=logging.INFO, log) -> str:
    """What ends up on stderr when `log` gets a logger."""
    patch = pytest.MonkeyPatch()
    stream = stream or io.StringIO()
    with patch.context() as context:
        context.setattr(sys, "stderr", stream)
        logs.setup(level, environ or {})
        log(logging.getLogger("device.test"))
    return stream.getvalue()


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_out_through_a_sentence(secret):
    """Tokens and queries of URLs are taken out of the message."""
    assert CANARY not in said(log=lambda logger: logger.warning("saw %s here", secret))


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_out_through_a_fact(secret):
    """Tokens and queries of URLs are taken out of extra facts."""
    assert CANARY not in said(log=lambda logger: logger.warning("saw", extra={"url": secret}))


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_out_through_an_exception(secret):
    """Tokens and queries of URLs are taken out of tracebacks, causes included."""
    error = RuntimeError(f"while sending to {secret}")
    error.__cause__ = ValueError(secret)

    text = said(log=lambda logger: logger.error("failed", exc_info=error))

    assert CANARY not in text
    assert "RuntimeError" in text


@given(st.sampled_from(SECRETS), st.text(PUNCTUATION), st.text(PUNCTUATION + "x"))
def test_whatever_stands_around_it_a_secret_is_found(secret, before, after):
    """Quotes, brackets and line breaks around a secret do not hide it."""
    assert CANARY not in redact(f"{before}{secret}{after}")


@pytest.mark.parametrize("secret", SECRETS)
def test_an_escaped_line_break_hides_nothing(secret):
    """The repr of an answer's body is searched like the body."""
    assert CANARY not in redact(repr(f"a\n{secret}\r\nb"))


def test_harmless_words_stay():
    """Addresses without a query and words that look a little like tokens are kept."""
    sentence = "task_id=up-to-date https://api.example/v1/recordings disk_free=3"

    assert sentence == redact(sentence)


def test_facts_are_appended():
    """extra= becomes key=value, quoted where needed."""
    text = said(
        log=lambda logger: logger.info("sealed", extra={"size_bytes": 5, "recorder": "a b"})
    )

    assert text.endswith('info    sealed size_bytes=5 recorder="a b"\n')


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3)],
)
def test_the_journal_gets_priorities(level, priority):
    """Under the journal each line starts with its syslog priority."""
    text = said(
        {"JOURNAL_STREAM": "8:1"},
        level=logging.DEBUG,
        log=lambda logger: logger.log(level, "a\nb", extra={"x": 1}),
    )

    assert f"<{priority}>a b x=1\n" == text


def test_each_line_of_a_traceback_has_a_priority():
    """The journal makes an entry of every line."""
    text = said(
        {"JOURNAL_STREAM": "8:1"},
        log=lambda logger: logger.error("failed", exc_info=ValueError("a\nb")),
    )

    lines = text.splitlines()

    assert len(lines) > 2
    assert all(line.startswith("<3>") for line in lines)


def test_a_terminal_is_never_the_journal():
    """Desktops let terminals inherit JOURNAL_STREAM."""
    text = said({"JOURNAL_STREAM": "8:1"}, Terminal(), log=lambda logger: logger.warning("a"))

    assert not text.startswith("<")


def test_names_cannot_forge_lines_or_steer_a_terminal():
    """What a recorder calls itself neither breaks the line nor sends escapes."""
    text = said(
        log=lambda logger: logger.info("seen %s", "x\x1b[2Jy\r\nforged", extra={"n": "a\nb\x9b"})
    )

    assert 1 == text.count("\n")
    assert not {"\x1b", "\r", "\x9b"} & set(text)


def test_setting_up_twice_says_everything_once():
    """A second set-up replaces the first."""

    def log(logger: logging.Logger) -> None:
        logs.setup(logging.INFO, {})
        logger.info("once")

    assert 1 == said(log=log).count("once")


def test_a_closed_stderr_does_not_stop_the_work():
    """Carrying goes on when nobody reads the logs."""
    stream = Gone()
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(sys, "stderr", stream)
        logs.setup(logging.INFO, {})

        logging.getLogger("device.test").info("lost")
