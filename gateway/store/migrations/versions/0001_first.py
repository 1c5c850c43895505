"""First tables: devices, tokens, API keys, recordings, media, idempotency."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "devices",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("serial_number", sa.String(255), nullable=False),
        sa.Column("model", sa.String(64)),
        sa.Column("firmware_version", sa.String(64)),
        sa.Column("end_user_id", sa.String(255)),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("heartbeat", sa.JSON, nullable=False),
        sa.Column("last_heartbeat_at", _INSTANT),
        sa.Column("binding_generation", sa.Integer, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_devices"),
        sa.UniqueConstraint("id", name="uq_devices_id"),
        sa.UniqueConstraint("serial_number", name="uq_devices_serial_number"),
    )
    op.create_table(
        "device_tokens",
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("device_id", sa.String(72), nullable=False),
        sa.Column("parent_id", sa.String(72)),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("first_used_at", _INSTANT),
        sa.Column("replaced_at", _INSTANT),
        sa.Column("revoked_at", _INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_device_tokens"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_device_tokens_device_id_devices"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["device_tokens.id"], name="fk_device_tokens_parent_id_device_tokens"
        ),
        sa.UniqueConstraint("parent_id", name="uq_device_tokens_parent_id"),
        sa.UniqueConstraint("token_hash", name="uq_device_tokens_token_hash"),
    )
    op.create_index("ix_device_tokens_device_id", "device_tokens", ["device_id"])
    op.create_table(
        "api_keys",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("revoked_at", _INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_api_keys"),
        sa.UniqueConstraint("id", name="uq_api_keys_id"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
    )
    op.create_table(
        "recordings",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("device_id", sa.String(72)),
        sa.Column("end_user_id", sa.String(255)),
        sa.Column("name", sa.Text),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("started_at", _INSTANT),
        sa.Column("ended_at", _INSTANT),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("content_sha256", sa.String(64)),
        sa.Column("content_sha256_verified_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("deleted_at", _INSTANT),
        sa.Column("purged_at", _INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_recordings"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_recordings_device_id_devices"
        ),
        sa.UniqueConstraint("id", name="uq_recordings_id"),
    )
    op.create_index("ix_recordings_device_id", "recordings", ["device_id", "seq"])
    op.create_table(
        "media",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("recording_id", sa.String(72), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("content_type", sa.String(128), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("file_size_bytes", sa.BigInteger),
        sa.Column("declared_sha256", sa.String(64)),
        sa.Column("content_sha256", sa.String(64)),
        sa.Column("captured_at", _INSTANT),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_media"),
        sa.ForeignKeyConstraint(
            ["recording_id"], ["recordings.id"], name="fk_media_recording_id_recordings"
        ),
        sa.UniqueConstraint("id", name="uq_media_id"),
    )
    op.create_index("ix_media_recording_id", "media", ["recording_id"])
    op.create_index("ix_media_status", "media", ["status"])
    op.create_table(
        "intents",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("owner", sa.String(72), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("made_id", sa.String(72), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_intents"),
        sa.UniqueConstraint("owner", "operation", "key", name="uq_intents_owner"),
    )
