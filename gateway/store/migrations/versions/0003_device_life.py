"""Device life: commands, settings, enrolment by code, and what devices reported.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what a gateway keeps of the life of a device."""
    op.add_column(
        "device_tokens", sa.Column("enrolment", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column("devices", sa.Column("name", sa.String(64)))
    op.create_table(
        "enrol_codes",
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("device_id", sa.String(72), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("token_id", sa.String(72)),
        sa.PrimaryKeyConstraint("id", name="pk_enrol_codes"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_enrol_codes_device_id_devices"
        ),
        sa.ForeignKeyConstraint(
            ["token_id"], ["device_tokens.id"], name="fk_enrol_codes_token_id_device_tokens"
        ),
        sa.UniqueConstraint("code_hash", name="uq_enrol_codes_code_hash"),
    )
    op.create_index("ix_enrol_codes_device_id", "enrol_codes", ["device_id"])
    op.create_table(
        "commands",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(72), nullable=False),
        sa.Column("device_id", sa.String(72), nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("delivered_at", _INSTANT),
        sa.Column("ended_at", _INSTANT),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("seq", name="pk_commands"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_commands_device_id_devices"
        ),
        sa.UniqueConstraint("id", name="uq_commands_id"),
    )
    op.create_index("ix_commands_device_id", "commands", ["device_id", "seq"])
    op.create_table(
        "settings",
        sa.Column("level", sa.String(72), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changed_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("level", name="pk_settings"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("device_id", sa.String(72), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_heartbeats"),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_heartbeats_device_id_devices"
        ),
    )
    op.create_index("ix_heartbeats_device_id", "heartbeats", ["device_id", "seq"])
    op.create_table(
        "faults",
        sa.Column("seq", _SEQ, autoincrement=True, nullable=False),
        sa.Column("device_id", sa.String(72), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Column("received_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_faults"),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_faults_device_id_devices"),
        sa.UniqueConstraint("device_id", "event_id", name="uq_faults_device_id"),
    )
