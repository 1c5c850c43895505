"""Uploads that an object store keeps itself, and when a medium was last asked about.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what the sweeper and the stores beyond the file system need."""
    op.add_column("media", sa.Column("touched_at", _INSTANT))
    op.add_column("media", sa.Column("expired_at", _INSTANT))
    op.add_column("media", sa.Column("store_mark", sa.String(255)))
    op.create_table(
        "store_uploads",
        sa.Column("medium_id", sa.String(72), nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("medium_id", name="pk_store_uploads"),
        sa.ForeignKeyConstraint(
            ["medium_id"], ["media.id"], name="fk_store_uploads_medium_id_media"
        ),
    )
