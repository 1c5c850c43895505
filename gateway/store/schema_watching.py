"""Tables of what operators look at and what was counted for it."""

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table

from gateway.store.columns import ID, SHA256, Instant, metadata

waveforms = Table(
    "waveforms",
    metadata,
    Column("medium_id", ID, ForeignKey("media.id"), primary_key=True),
    # Of the bytes that were decoded: another digest, another waveform.
    Column("sha256", SHA256, nullable=False),
    Column("duration_ms", Integer),
    Column("peaks", JSON(none_as_null=True)),
    Column("reason", String(16)),
    Column("made_at", Instant, nullable=False),
)
