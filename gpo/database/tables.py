"""The tables of the database, as the last revision of `gpo.database.migrations` makes them; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
)

_LONG = BigInteger().with_variant(Integer, "sqlite")
"""64 bits. SQLite has them in every integer, and counts up by itself only in one of its own name."""

metadata = MetaData()

# Alembic's; here as well, so that the revision is read without loading it.
revisions = Table("gpo_revision", metadata, Column("version_num", String(32), primary_key=True))

# The version of the time before Alembic. Code of that time refuses the database by it.
_LAST_BEFORE_REVISIONS = 2
schema_info = Table(
    "schema_info",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
)

calls = Table(
    "calls",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("role", String(32), nullable=False),
    Column("model", Text, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("messages", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("finish_reason", Text),
    Column("generations", Text),
    Column("created_at", String(32), nullable=False),
    Column("seconds", Float),
)

# Who pays for an answer now, or has a slot to call in. A claim whose time is over is its owner's no more.
call_claims = Table(
    "call_claims",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("until", String(32), nullable=False),
    Index("call_claims_by_owner", "owner"),
)

# What is sent to a server within a minute, where a provider limits that: when, by the database's clock, and its tokens.
minute_bookings = Table(
    "minute_bookings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("server", String(48), nullable=False),
    Column("sent_at", Float, nullable=False),
    Column("tokens", Integer, nullable=False),
    Index("minute_bookings_by_time", "server", "sent_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("task", Text, nullable=False),
    Column("scope", String(64), nullable=False),
    Column("spec", String(64), nullable=False),
    Column("dataset", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("finished_at", String(32)),
    Column("outcome", Text),
    Column("labels", Text),
)

scored_prompts = Table(
    "scored_prompts",
    metadata,
    Column("run_key", String(64), ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("candidate_id", String(64), primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("scope", String(64), nullable=False),
    Column("candidate", Text, nullable=False),
    Column("score", Text, nullable=False),
    Column("percent", Float, nullable=False, server_default="0"),
    Column("complete", Integer, nullable=False, server_default="0"),
    Index("scored_prompts_by_scope", "scope"),
    Index("scored_prompts_by_time", "run_key", "step", "number", "candidate_id"),
    Index("scored_prompts_by_score", "run_key", "complete", "percent", "step", "number", "candidate_id"),
)

# An example as results have it, once for all of them: `digest` is the hash of what follows it, the columns after
# `example` are JSON. Results name it by number: a listing looks up very many.
result_examples = Table(
    "result_examples",
    metadata,
    Column("id", _LONG, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("example", Text, nullable=False),
    Column("slices", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("expected", Text, nullable=False),
)

# What one prompt of a run got for one example. The key is in the order in which results are listed.
results = Table(
    "results",
    metadata,
    Column("run_key", String(64), ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True),
    Column("split", String(16), primary_key=True),
    Column("candidate_id", String(64), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("example_id", _LONG, ForeignKey("result_examples.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("answer", Text),
    Column("rule", Text, nullable=False),
    Column("score", Float),
    Column("feedback", Text, nullable=False),
    Column("seconds", Float),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("steps", Text),
)

prompts = Table(
    "prompts",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("created_at", String(32), nullable=False),
)

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("name", String(63), ForeignKey("prompts.name"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("content", Text, nullable=False),
    Column("lineage", Text),
    Column("parent", Integer),
    Column("note", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    UniqueConstraint("name", "digest", name="prompt_versions_differ"),
)

# `standing` is the promotion that holds after the move, `below` the one that a rollback would return to,
# `program` the one with which the prompt was moved.
prompt_moves = Table(
    "prompt_moves",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("alias", String(63), nullable=False),
    Column("action", String(16), nullable=False),
    Column("from_version", Integer),
    Column("to_version", Integer, nullable=False),
    Column("standing", Integer, nullable=False),
    Column("below", Integer),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", String(32), nullable=False),
    Column("program", String(63)),
    ForeignKeyConstraint(["name", "to_version"], ["prompt_versions.name", "prompt_versions.version"]),
)

# `move` is the last one of the alias.
prompt_aliases = Table(
    "prompt_aliases",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("alias", String(63), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("move", Integer, nullable=False),
    ForeignKeyConstraint(["name", "version"], ["prompt_versions.name", "prompt_versions.version"]),
    ForeignKeyConstraint(["name", "move"], ["prompt_moves.name", "prompt_moves.number"]),
)

# `content` is the rest of the record, as JSON.
dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("fields", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("announced_at", String(32)),
)

# `example` is the hash of an example's inputs.
test_uses = Table(
    "test_uses",
    metadata,
    Column("example", String(64), primary_key=True),
    Column("run_key", String(64), primary_key=True),
    Column("used_at", String(32), nullable=False),
)

# Who works on a prompt now. A holder that has not renewed its claim for long is dead.
claims = Table(
    "claims",
    metadata,
    Column("prompt", String(63), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("what", Text, nullable=False),
    Column("since", String(32), nullable=False),
    Column("renewed_at", String(32), nullable=False),
)

# `basis` is the hash of all that was decided on; an equal one would be decided alike. `id` is the hash of run, prompt,
# alias and basis: what one run found may be decided on for several aliases, and anew by another gate.
decisions = Table(
    "decisions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("run", String(128), nullable=False),
    Column("prompt", String(63), nullable=False),
    Column("alias", String(63), nullable=False),
    Column("basis", String(64), nullable=False),
    Column("champion", Integer, nullable=False),
    Column("challenger", Integer),
    Column("status", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Column("flow_run", String(36)),
    Column("who", Text),
    Column("why", Text),
    Column("created_at", String(32), nullable=False),
    Column("decided_at", String(32)),
    Index("decisions_by_prompt", "prompt", "alias", "created_at"),
)


def has_tables(connection: Connection) -> bool:
    """Whether a database has any of these tables."""
    return not metadata.tables.keys().isdisjoint(inspect(connection).get_table_names())


def make_tables(connection: Connection, revision: str) -> None:
    """Make all of them in a database that has none, as the migrations up to a revision do; a test compares the two."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(revisions).values(version_num=revision))
    connection.execute(insert(schema_info).values(id=1, version=_LAST_BEFORE_REVISIONS))
