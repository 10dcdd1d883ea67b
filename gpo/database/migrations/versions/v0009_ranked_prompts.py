"""What scored prompts are ranked by, so that the best and the latest are found without reading all."""

import sqlalchemy as sa
from alembic import op
from pydantic import ValidationError

from gpo.records import Score

revision = "0009"
down_revision = "0008"

_BATCH = 500


def upgrade() -> None:
    """Prompts that are there get the numbers that their scores tell."""
    op.add_column("scored_prompts", sa.Column("percent", sa.Float, nullable=False, server_default="0"))
    op.add_column("scored_prompts", sa.Column("complete", sa.Integer, nullable=False, server_default="0"))
    connection = op.get_bind()
    names = ("run_key", "candidate_id", "step")
    table = sa.table("scored_prompts", *map(sa.column, (*names, "score", "percent", "complete")))
    keys = connection.execute(sa.select(*(table.c[name] for name in names))).all()
    change = table.update().where(*(table.c[name] == sa.bindparam(f"its_{name}") for name in names))
    change = change.values(percent=sa.bindparam("its_percent"), complete=sa.bindparam("its_complete"))
    for start in range(0, len(keys), _BATCH):
        rows = []
        for key in keys[start : start + _BATCH]:
            where = (table.c[name] == value for name, value in zip(names, key, strict=True))
            kept = connection.execute(sa.select(table.c.score).where(*where)).scalar_one()
            rows.append({**{f"its_{name}": value for name, value in zip(names, key, strict=True)}, **_ranks(kept)})
        connection.execute(change, rows)
    op.create_index("scored_prompts_by_time", "scored_prompts", ["run_key", "step", "number", "candidate_id"])
    ranked = ["run_key", "complete", "percent", "step", "number", "candidate_id"]
    op.create_index("scored_prompts_by_score", "scored_prompts", ranked)


def _ranks(kept: str) -> dict[str, float]:
    try:
        score = Score.model_validate_json(kept)
    except ValidationError:  # of another version, as whoever reads the row is told
        return {"its_percent": 0.0, "its_complete": 0}
    return {"its_percent": round(100 * score.mean, 1), "its_complete": int(score.complete)}
