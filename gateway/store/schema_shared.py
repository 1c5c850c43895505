"""Tables of what the processes of one gateway know of each other."""

from sqlalchemy import Column, String, Table, Text

from gateway.store.columns import ID, Instant, metadata

leases = Table(
    "leases",
    metadata,
    # What only one process may do at a time.
    Column("name", String(64), primary_key=True),
    Column("holder", ID, nullable=False),
    Column("until", Instant, nullable=False),
)

agreements = Table(
    "agreements",
    metadata,
    # What must be the same for all of them.
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
