"""The tables. What is here is what the newest migration leaves; a test compares the two."""

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
    UniqueConstraint,
)

from gateway.store import schema_bounds, schema_events, schema_people, schema_watching
from gateway.store.columns import ID, SEQ, SHA256, Instant, metadata

__all__ = ["metadata", "schema_bounds", "schema_events", "schema_people", "schema_watching"]

devices = Table(
    "devices",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("serial_number", String(255), nullable=False, unique=True),
    Column("name", String(64)),
    Column("model", String(64)),
    Column("firmware_version", String(64)),
    Column("end_user_id", String(255)),
    Column("metadata", JSON, nullable=False),
    Column("heartbeat", JSON, nullable=False),
    Column("last_heartbeat_at", Instant),
    Column("binding_generation", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

device_tokens = Table(
    "device_tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device_id", ID, ForeignKey("devices.id"), nullable=False, index=True),
    Column("parent_id", ID, ForeignKey("device_tokens.id"), unique=True),
    Column("enrolment", Integer, nullable=False, server_default="0"),
    Column("token_hash", SHA256, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("first_used_at", Instant),
    Column("replaced_at", Instant),
    Column("revoked_at", Instant),
)

enrol_codes = Table(
    "enrol_codes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("device_id", ID, ForeignKey("devices.id"), nullable=False, index=True),
    Column("code_hash", SHA256, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("token_id", ID, ForeignKey("device_tokens.id")),
)

commands = Table(
    "commands",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("device_id", ID, ForeignKey("devices.id"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("params", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("ended_at", Instant),
    Column("result", JSON(none_as_null=True)),
    Column("error", Text),
    Index("ix_commands_device_id", "device_id", "seq"),
)

settings = Table(
    "settings",
    metadata,
    # A device's id, or the word that stands for all of them.
    Column("level", ID, primary_key=True),
    Column("document", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("device_id", ID, ForeignKey("devices.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("report", JSON, nullable=False),
    Index("ix_heartbeats_device_id", "device_id", "seq"),
)

faults = Table(
    "faults",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("device_id", ID, ForeignKey("devices.id"), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("event", JSON, nullable=False),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("device_id", "event_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("key_hash", SHA256, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

recordings = Table(
    "recordings",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("device_id", ID, ForeignKey("devices.id")),
    # The API key that made it, None for a device.
    Column("key_id", ID),
    Column("end_user_id", String(255)),
    Column("name", Text),
    Column("status", String(32), nullable=False),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("metadata", JSON, nullable=False),
    Column("content_sha256", SHA256),
    Column("content_sha256_verified_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("purged_at", Instant),
    Index("ix_recordings_device_id", "device_id", "seq"),
    Index("ix_recordings_status", "status", "device_id"),
)

media = Table(
    "media",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True),
    Column("recording_id", ID, ForeignKey("recordings.id"), nullable=False, index=True),
    Column("type", String(16), nullable=False),
    Column("content_type", String(128), nullable=False),
    Column("status", String(16), nullable=False, index=True),
    Column("file_size_bytes", BigInteger),
    Column("declared_sha256", SHA256),
    Column("content_sha256", SHA256),
    Column("captured_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("touched_at", Instant),
    Column("expired_at", Instant),
    Column("store_mark", String(255)),
)

store_uploads = Table(
    "store_uploads",
    metadata,
    Column("medium_id", ID, ForeignKey("media.id"), primary_key=True),
    Column("handle", Text, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=True),
    Column("owner", ID, nullable=False),
    Column("operation", String(32), nullable=False),
    Column("key", String(255), nullable=False),
    Column("fingerprint", SHA256, nullable=False),
    Column("made_id", ID, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("owner", "operation", "key"),
)
