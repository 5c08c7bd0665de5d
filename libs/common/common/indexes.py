"""Indexes on big tables in migrations, built while others go on writing.

`create index` lets nobody write until it is done; `create index concurrently` does, but is no part of a transaction:
what a version did before it is committed by then. So a version builds its indexes first. Killed there, it finds some of
them when it begins again: the whole ones are kept, and what is left of the one that was being built, which PostgreSQL
marks as invalid, is dropped.
"""

from alembic import op
from sqlalchemy import text

from common.migrate import TABLE_WAIT

INDEX_WAIT = "10min"
"""How long a build may wait for transactions that began before it, a backup's for example. Nobody waits behind it."""
IS_VALID = text("select indisvalid from pg_index where indexrelid = to_regclass(:name)")


def build_index(name: str, on: str) -> None:
    """Builds an index unless it is there. `on`: what follows `on` in SQL, the table to begin with.

    Commits what the version has done so far. sqlalchemy.exc.DBAPIError when older transactions last for too long.
    """
    with op.get_context().autocommit_block():
        is_valid = op.get_bind().scalar(IS_VALID, {"name": name})
        if is_valid:
            return
        op.execute(f"set lock_timeout = '{INDEX_WAIT}'")
        if is_valid is not None:
            op.execute(f"drop index concurrently {name}")
        op.execute(f"create index concurrently {name} on {on}")
        op.execute(f"set lock_timeout = '{TABLE_WAIT}'")
