"""What each prompt of a run got for each example, and the labels that a run's answers choose among."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables; of runs that are there already no results are known."""
    op.add_column("runs", sa.Column("labels", sa.Text))
    # A number is taken for each example that is there already, too: 32 bits are used up one day.
    long = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "result_examples",
        sa.Column("id", long, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("example", sa.Text, nullable=False),
        sa.Column("slices", sa.Text, nullable=False),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
    )
    op.create_table(
        "results",
        sa.Column("run_key", sa.String(64), sa.ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
        sa.Column("split", sa.String(16), primary_key=True),
        sa.Column("candidate_id", sa.String(64), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "example_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("result_examples.id"),
            nullable=False,
        ),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("feedback", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("input_tokens", sa.Integer, nullable=False),
        sa.Column("output_tokens", sa.Integer, nullable=False),
    )
