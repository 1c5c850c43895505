"""Tables of what left the gateway: events, who wants them, and each delivery."""

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from gateway.store.columns import ID, SEQ, Instant, metadata

events = Table(
    "events",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("type", String(64), nullable=False),
    Column("recording_id", ID),
    Column("device_id", ID),
    Column("data", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Whether deliveries were made of it, and when the stream took it.
    Column("fanned_at", Instant, index=True),
    Column("streamed_at", Instant, index=True),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("description", String(255), nullable=False, server_default=""),
    Column("events", JSON, nullable=False),
    # The secret is derived from the signing key, the id and this, and kept nowhere.
    Column("secret_generation", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("deleted_at", Instant),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("event_id", ID, ForeignKey("events.id"), nullable=False),
    Column("webhook_id", ID, ForeignKey("webhooks.id"), nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    Column("leased_by", String(72)),
    Column("leased_until", Instant),
    # Each try: when, how long, what came back.
    Column("history", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("event_id", "webhook_id"),
    Index("ix_deliveries_status", "status", "next_at"),
    Index("ix_deliveries_webhook_id", "webhook_id", "seq"),
)
