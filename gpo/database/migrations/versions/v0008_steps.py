"""What happened inside of a program for each example."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Of results that are there, nothing is known of it."""
    op.add_column("results", sa.Column("steps", sa.Text))
