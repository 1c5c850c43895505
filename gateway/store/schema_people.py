"""Tables of people: who is signed in to the console, phones, and what phones bring."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table

from gateway.store.columns import ID, SEQ, SHA256, Instant, metadata

web_sessions = Table(
    "web_sessions",
    metadata,
    # Of the cookie; the cookie itself is kept nowhere.
    Column("session_hash", SHA256, primary_key=True),
    Column("key_id", ID, ForeignKey("api_keys.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

phones = Table(
    "phones",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("end_user_id", String(255)),
    Column("token_hash", SHA256, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant),
    Column("revoked_at", Instant),
)

phone_codes = Table(
    "phone_codes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("code_hash", SHA256, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("end_user_id", String(255)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("phone_id", ID, ForeignKey("phones.id")),
)

phone_visits = Table(
    "phone_visits",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("phone_id", ID, ForeignKey("phones.id"), nullable=False),
    Column("device_id", ID, ForeignKey("devices.id")),
    Column("recorder", String(255)),
    Column("state", String(16), nullable=False),
    # What the phone shows: each recording, how far, and what is in the way.
    Column("standing", JSON, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("heard_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_phone_visits_phone_id", "phone_id", "seq"),
)
