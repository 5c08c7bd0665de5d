"""What Alembic runs for every service: the pending versions, on the connection of `common.migrate`, each in one
transaction: no lock outlives its version.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
