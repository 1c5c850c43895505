"""When a recording is complete."""

from datetime import UTC, datetime

import pytest

from gateway.core.completion import Complete, Mismatch, NoMedia, Pending, decide
from gateway.model import MediaStatus, MediaType, Medium


def medium(name, kind=MediaType.AUDIO, *, sha=None):
    return Medium(
        id=name,
        recording_id="rec",
        type=kind,
        content_type="x/y",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        status=MediaStatus.UPLOADED if sha else MediaStatus.PENDING,
        content_sha256=sha,
    )


IMAGE = medium("i", MediaType.IMAGE, sha="si")
FIRST, SECOND = medium("a", sha="sa"), medium("b", sha="sb")
WAITING = medium("w")


@pytest.mark.parametrize(
    ("media", "claim", "decision"),
    [
        ([], None, NoMedia()),
        ([WAITING, FIRST], "sa", Pending(("w",))),
        ([IMAGE, FIRST, SECOND], "sa", Complete(FIRST)),
        ([IMAGE, FIRST, SECOND], "sb", Complete(SECOND)),
        ([IMAGE, FIRST], None, Complete(FIRST)),
        ([IMAGE, FIRST], "si", Mismatch(FIRST)),
        ([IMAGE], "si", Complete(IMAGE)),
        ([IMAGE], "sx", Mismatch(IMAGE)),
    ],
)
def test_decisions(media, claim, decision):
    """Everything whole, and the claim an audio medium's digest (any medium's without audio)."""
    assert decide(media, claim) == decision
