"""Which versions of datasets Prefect was told of; several decisions about what one run found."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_IDENTITY = ("run", "prompt", "alias", "basis")


def upgrade() -> None:
    """Versions that are there count as told; decisions that are there get the id that they would have now."""
    op.add_column("dataset_versions", sa.Column("announced_at", sa.String(32)))
    op.execute("UPDATE dataset_versions SET announced_at = created_at")
    op.drop_index("decisions_by_prompt", "decisions")
    op.rename_table("decisions", "decisions_before")
    decisions = op.create_table(
        "decisions",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("run", sa.String(128), nullable=False),
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
    before = op.get_bind().execute(sa.text("SELECT * FROM decisions_before")).mappings().all()
    op.bulk_insert(decisions, [{"id": _id(row), **row} for row in before])
    op.drop_table("decisions_before")
    op.create_index("decisions_by_prompt", "decisions", ["prompt", "alias", "created_at"])


def _id(row: sa.RowMapping) -> str:
    identity = json.dumps([row[name] for name in _IDENTITY], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
