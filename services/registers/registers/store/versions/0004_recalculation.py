"""Marks that are still to be judged anew."""

from alembic import op

revision = "0004"
down_revision = "0003"

REJUDGING = """
create table rejudging (
    id bigint generated always as identity primary key,
    begun_at timestamptz not null,
    moved bigint not null default 0,
    urn integer not null,
    sessions integer not null default 0,
    what text not null check (what in ('sessions', 'children', 'arrivals')),
    done boolean not null default false,
    days date[] not null,
    pupils uuid[] not null,
    firsts date[] not null,
    lasts date[] not null
)
"""
INDEX = "create index rejudging_school on rejudging (urn, id)"


def upgrade() -> None:
    """Makes the table: empty, but while a school is recalculated."""
    op.execute(REJUDGING)
    op.execute(INDEX)
