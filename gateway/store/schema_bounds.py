"""Tables of who did what, and how much is allowed."""

from sqlalchemy import JSON, BigInteger, Column, Date, Integer, String, Table

from gateway.store.columns import ID, SEQ, Instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False, index=True),
    # A key's id, a phone's, or the word for whoever had a shell.
    Column("actor", ID, nullable=False),
    Column("actor_name", String(255), nullable=False, server_default=""),
    Column("action", String(64), nullable=False),
    Column("subject", String(255), nullable=False, index=True),
    Column("details", JSON, nullable=False),
    Column("request_id", String(72)),
)

quotas = Table(
    "quotas",
    metadata,
    # A device's id, a key's, or the word for all devices.
    Column("subject", ID, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

usage = Table(
    "usage",
    metadata,
    Column("subject", ID, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("recordings", Integer, nullable=False, server_default="0"),
    Column("media", Integer, nullable=False, server_default="0"),
    Column("media_bytes", BigInteger, nullable=False, server_default="0"),
)

kept = Table(
    "kept",
    metadata,
    # What all media are together that are kept for a device, or for what a key made.
    Column("subject", ID, primary_key=True),
    Column("media_bytes", BigInteger, nullable=False),
)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("subject", ID, primary_key=True),
    # Unix seconds.
    Column("begins_s", BigInteger, primary_key=True, autoincrement=False),
    Column("taken", Integer, nullable=False),
)
