"""Which process pays for which answer at this moment."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table; nobody has claimed anything before."""
    op.create_table(
        "call_claims",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("until", sa.String(32), nullable=False),
    )
    op.create_index("call_claims_by_owner", "call_claims", ["owner"])
