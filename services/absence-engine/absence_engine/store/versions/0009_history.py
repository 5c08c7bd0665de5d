"""What stood before a correction, and since when."""

from alembic import op

revision = "0009"
down_revision = "0008"

# What is appended later finds a place on the same page, and no index changes; a long row stays in its page.
MARK_DAY = """
create table mark_day (
    urn integer not null,
    day date not null,
    changes bytea storage external not null,
    primary key (urn, day)
) with (fillfactor = 80, toast_tuple_target = 8160)
"""
MARK_GROUP = """
create table mark_group (
    urn integer not null,
    id bigint not null,
    pupils uuid[] not null,
    primary key (urn, id)
)
"""


def upgrade() -> None:
    """Makes them; of marks that are there already it is not known since when."""
    for statement in (MARK_DAY, MARK_GROUP):
        op.execute(statement)
    op.execute("alter table engine add column history_from timestamptz")
    op.execute("update engine set history_from = now() where exists (select from sheet)")
