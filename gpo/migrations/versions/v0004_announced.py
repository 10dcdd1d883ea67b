"""Which versions of datasets Prefect was told of."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the time; versions that are there count as told."""
    op.add_column("dataset_versions", sa.Column("announced_at", sa.String(32)))
    op.execute("UPDATE dataset_versions SET announced_at = created_at")
