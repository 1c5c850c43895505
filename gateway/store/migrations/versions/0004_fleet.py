"""A fleet's gateway: events and their deliveries, bounds and audit, people and their phones.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)
_ALL = ["devices:read", "devices:write", "recordings:read", "recordings:write"]


def upgrade() -> None:
    """Add the tables; a secret key goes on to be one that may do everything."""
    op.create_table(
        "audit",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=72), nullable=False),
        sa.Column("actor_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("request_id", sa.String(length=72)),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_subject", "audit", ["subject"])
    op.create_table(
        "events",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("recording_id", sa.String(length=72)),
        sa.Column("device_id", sa.String(length=72)),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("origin", sa.Text()),
        sa.Column("position", sa.BigInteger()),
        sa.Column("streamed_at", _INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
        sa.UniqueConstraint("position", name="uq_events_position"),
    )
    op.create_index("ix_events_streamed_at", "events", ["streamed_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=72), nullable=False),
        sa.Column("until", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "agreements",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_agreements"),
    )
    op.create_table(
        "phones",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("end_user_id", sa.String(length=255)),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT),
        sa.Column("revoked_at", _INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_phones"),
        sa.UniqueConstraint("id", name="uq_phones_id"),
        sa.UniqueConstraint("token_hash", name="uq_phones_token_hash"),
    )
    op.create_table(
        "quotas",
        sa.Column("subject", sa.String(length=72), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_quotas"),
    )
    op.create_table(
        "kept",
        sa.Column("subject", sa.String(length=72), nullable=False),
        sa.Column("media_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_kept"),
    )
    op.add_column("recordings", sa.Column("key_id", sa.String(length=72)))
    op.create_table(
        "rate_windows",
        sa.Column("subject", sa.String(length=72), nullable=False),
        sa.Column("begins_s", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "begins_s", name="pk_rate_windows"),
    )
    op.create_table(
        "usage",
        sa.Column("subject", sa.String(length=72), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("recordings", sa.Integer(), server_default="0", nullable=False),
        sa.Column("media", sa.Integer(), server_default="0", nullable=False),
        sa.Column("media_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject", "day", name="pk_usage"),
    )
    op.create_table(
        "webhooks",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.String(length=255), server_default="", nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("secret_generation", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("disabled_at", _INSTANT),
        sa.Column("deleted_at", _INSTANT),
        sa.PrimaryKeyConstraint("seq", name="pk_webhooks"),
        sa.UniqueConstraint("id", name="uq_webhooks_id"),
    )
    op.create_table(
        "deliveries",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("event_id", sa.String(length=72), nullable=False),
        sa.Column("webhook_id", sa.String(length=72), nullable=False),
        sa.Column("replay_of", sa.String(length=72)),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", _INSTANT),
        sa.Column("leased_by", sa.String(length=72)),
        sa.Column("leased_until", _INSTANT),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_deliveries_event_id_events"),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name="fk_deliveries_webhook_id_webhooks"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_deliveries"),
        sa.UniqueConstraint("id", name="uq_deliveries_id"),
    )
    op.create_index("ix_deliveries_event_id", "deliveries", ["event_id"])
    op.create_index("ix_deliveries_status", "deliveries", ["status", "next_at"])
    op.create_index("ix_deliveries_due", "deliveries", ["webhook_id", "status", "next_at"])
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id", "seq"])
    op.create_table(
        "phone_codes",
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("end_user_id", sa.String(length=255)),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("phone_id", sa.String(length=72)),
        sa.ForeignKeyConstraint(["phone_id"], ["phones.id"], name="fk_phone_codes_phone_id_phones"),
        sa.PrimaryKeyConstraint("id", name="pk_phone_codes"),
        sa.UniqueConstraint("code_hash", name="uq_phone_codes_code_hash"),
    )
    op.create_table(
        "phone_visits",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=72), nullable=False),
        sa.Column("phone_id", sa.String(length=72), nullable=False),
        sa.Column("device_id", sa.String(length=72)),
        sa.Column("recorder", sa.String(length=255)),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("began_at", _INSTANT, nullable=False),
        sa.Column("heard_at", _INSTANT, nullable=False),
        sa.Column("ended_at", _INSTANT),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_phone_visits_device_id_devices"
        ),
        sa.ForeignKeyConstraint(
            ["phone_id"], ["phones.id"], name="fk_phone_visits_phone_id_phones"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_phone_visits"),
        sa.UniqueConstraint("id", name="uq_phone_visits_id"),
    )
    op.create_index("ix_phone_visits_phone_id", "phone_visits", ["phone_id", "seq"])
    op.create_table(
        "web_sessions",
        sa.Column("session_hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=72), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("seen_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name="fk_web_sessions_key_id_api_keys"
        ),
        sa.PrimaryKeyConstraint("session_hash", name="pk_web_sessions"),
    )
    op.create_index("ix_web_sessions_key_id", "web_sessions", ["key_id"])
    op.create_index("ix_recordings_status", "recordings", ["status", "device_id"])
    op.create_table(
        "waveforms",
        sa.Column("medium_id", sa.String(length=72), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("peaks", sa.JSON()),
        sa.Column("reason", sa.String(length=16)),
        sa.Column("made_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["medium_id"], ["media.id"], name="fk_waveforms_medium_id_media"),
        sa.PrimaryKeyConstraint("medium_id", name="pk_waveforms"),
    )

    _admit_secret_keys()
    _count_what_is_kept()


def _admit_secret_keys() -> None:
    keys = sa.table("api_keys", sa.column("seq", sa.BigInteger), sa.column("scopes", sa.JSON))
    connection = op.get_bind()
    for row in connection.execute(sa.select(keys)).all():
        if sorted(row.scopes) == _ALL:
            change = sa.update(keys).where(keys.c.seq == row.seq)
            connection.execute(change.values(scopes=["admin", *_ALL]))


def _count_what_is_kept() -> None:
    op.execute(
        "INSERT INTO kept (subject, media_bytes)"
        " SELECT recordings.device_id, SUM(COALESCE(media.file_size_bytes, 0))"
        " FROM media JOIN recordings ON media.recording_id = recordings.id"
        " WHERE recordings.device_id IS NOT NULL AND recordings.deleted_at IS NULL"
        " AND media.expired_at IS NULL GROUP BY recordings.device_id"
    )
