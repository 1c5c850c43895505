"""Verdicts: what a check or a step found out, in one sentence, and what to type about it."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    """It works, and a person should know."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nobody looked, and the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found. `fix` is a command, or something to do with one's hands."""

    verdict: Verdict
    sentence: str
    fix: str | None = None


def ok(sentence: str) -> Finding:
    """Say that all is well."""
    return Finding(verdict=Verdict.OK, sentence=sentence)


def warning(sentence: str, fix: str) -> Finding:
    """Say what should be looked at, and how."""
    return Finding(verdict=Verdict.WARNING, sentence=sentence, fix=fix)


def failed(sentence: str, fix: str) -> Finding:
    """Say what does not work, and what to do."""
    return Finding(verdict=Verdict.FAILED, sentence=sentence, fix=fix)


def skipped(sentence: str) -> Finding:
    """Say why nobody looked."""
    return Finding(verdict=Verdict.SKIPPED, sentence=sentence)
