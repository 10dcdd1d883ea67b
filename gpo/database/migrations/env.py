"""Where Alembic runs the revisions: in the transaction that `gpo.database.migrations.upgrade` was handed."""

from alembic import context

from gpo.database.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
