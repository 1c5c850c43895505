"""Tables of what left the gateway: events, who wants them, and each delivery."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
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
    # This gateway as the client saw it that made the event, for URLs to fetch from.
    Column("origin", Text),
    # Given with the deliveries, one after the other: `seq` is taken before the commit, so on a
    # database of many writers a lower one can show after a higher one.
    Column("position", BigInteger, unique=True),
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
    Column("replay_of", ID),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    # Of one try, so that a process that was believed dead cannot end the try of another.
    Column("leased_by", String(72)),
    Column("leased_until", Instant),
    # Each try: when, how long, what came back.
    Column("history", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_deliveries_event_id", "event_id"),
    Index("ix_deliveries_status", "status", "next_at"),
    # What is due is looked for webhook by webhook: a long queue of one costs the others nothing.
    Index("ix_deliveries_due", "webhook_id", "status", "next_at"),
    Index("ix_deliveries_webhook_id", "webhook_id", "seq"),
)
