"""The prompt registry: prompts, their versions, aliases, and who moved an alias when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables, and let the code from before Alembic know that the schema is newer than it."""
    op.create_table(
        "prompts",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "prompt_versions",
        sa.Column("name", sa.String(63), sa.ForeignKey("prompts.name"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("lineage", sa.Text),
        sa.Column("parent", sa.Integer),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("name", "digest", name="prompt_versions_differ"),
    )
    op.create_table(
        "prompt_moves",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("alias", sa.String(63), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("from_version", sa.Integer),
        sa.Column("to_version", sa.Integer, nullable=False),
        sa.Column("standing", sa.Integer, nullable=False),
        sa.Column("below", sa.Integer),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["name", "to_version"], ["prompt_versions.name", "prompt_versions.version"]),
    )
    op.create_table(
        "prompt_aliases",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("alias", sa.String(63), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("move", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["name", "version"], ["prompt_versions.name", "prompt_versions.version"]),
        sa.ForeignKeyConstraint(["name", "move"], ["prompt_moves.name", "prompt_moves.number"]),
    )
    op.execute("DELETE FROM schema_info")
    op.execute("INSERT INTO schema_info (id, version) VALUES (1, 2)")
