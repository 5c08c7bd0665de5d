"""Guests on a roll, and to which authority a school belonged when."""

from alembic import op

revision = "0004"
down_revision = "0003"

ENROLMENT = """
alter table enrolment
    drop constraint enrolment_kind_check,
    add constraint enrolment_kind_check check (kind in ('single', 'main', 'subsidiary', 'guest'))
"""

SCHOOL_LA = """
create table school_la (
    urn integer not null,
    from_date date not null,
    la_code text not null,
    primary key (urn, from_date)
)
"""


def upgrade() -> None:
    """Makes them."""
    op.execute(ENROLMENT)
    op.execute(SCHOOL_LA)
