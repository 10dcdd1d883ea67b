"""With which program a prompt was moved."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Prompts that are there were moved by themselves."""
    op.add_column("prompt_moves", sa.Column("program", sa.String(63)))
