"""What a school's year has of registers is one row of bits, a bit for each place on the grid; it was a row for each
session that had been marked or missed.

An older engine, which would write rows that nobody reads, has none to write to: it stops, and what it has not applied
the new one applies.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS = (
    """
    create table coverage (
        urn integer not null,
        year smallint not null,
        marked bit(732) not null,
        missing bit(732) not null,
        primary key (urn, year)
    )
    """,
    "lock table covered in access exclusive mode",
    """
    insert into coverage (urn, year, marked, missing)
    select urn, year, coalesce(bit_or(its) filter (where marked), none),
        coalesce(bit_or(its) filter (where missing), none)
    from (select repeat('0', 732)::bit(732) as none) as grid
    cross join lateral (select *, set_bit(none, place, 1) as its from covered) as one
    group by urn, year, none
    """,
    "drop table covered",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
