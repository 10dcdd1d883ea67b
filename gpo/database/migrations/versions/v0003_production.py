"""Production: versions of datasets, uses of each test example, decisions about challengers, the time of an answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables; answers that are there already have no time."""
    op.add_column("calls", sa.Column("seconds", sa.Float))
    op.create_table(
        "dataset_versions",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "test_uses",
        sa.Column("example", sa.String(64), primary_key=True),
        sa.Column("run_key", sa.String(64), primary_key=True),
        sa.Column("used_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "claims",
        sa.Column("prompt", sa.String(63), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("renewed_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("run", sa.String(128), primary_key=True),
        sa.Column("prompt", sa.String(63), nullable=False),
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("champion", sa.Integer, nullable=False),
        sa.Column("challenger", sa.Integer),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("flow_run", sa.String(36)),
        sa.Column("who", sa.Text),
        sa.Column("why", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.String(32)),
    )
    op.create_index("decisions_by_prompt", "decisions", ["prompt", "alias", "created_at"])
