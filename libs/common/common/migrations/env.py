"""What Alembic runs for every service: the pending versions, on the connection of `common.migrate`, in one go."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
