"""Which calls were sent within the last minute, where a provider limits them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the table; nothing was sent before."""
    op.create_table(
        "minute_bookings",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("server", sa.String(48), nullable=False),
        sa.Column("sent_at", sa.Float, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
    )
    op.create_index("minute_bookings_by_time", "minute_bookings", ["server", "sent_at"])
