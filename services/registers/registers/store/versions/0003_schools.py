"""Schools, enrolments and calendars in full: openings, closures and authorities; guests; terms, named days, staggered
days, closing times of registers.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

SCHOOL = """
alter table school
    add column opened_on date,
    add column closed_on date,
    add column predecessor_urn integer,
    add column successor_urn integer
"""

SCHOOL_LA = """
create table school_la (
    urn integer not null,
    from_date date not null,
    la_code text not null,
    primary key (urn, from_date)
)
"""

CALENDAR = "alter table calendar add column terms jsonb not null default '[]'"

CALENDAR_DAY = """
alter table calendar_day
    add column am_groups smallint[],
    add column pm_groups smallint[]
"""

NAMED_DAY = """
create table named_day (
    urn integer not null,
    date date not null,
    kind text not null,
    reason text,
    primary key (urn, date)
)
"""

REGISTER_TIMES = """
create table register_times (
    urn integer not null,
    academic_year smallint not null,
    session smallint not null,
    year_group smallint not null,
    opens time not null,
    closes time not null,
    ends time,
    primary key (urn, academic_year, session, year_group)
)
"""

YEAR_GROUP = """
create table year_group (
    urn integer not null,
    pupil_id uuid not null,
    academic_year smallint not null,
    year_group smallint,
    primary key (urn, pupil_id, academic_year)
)
"""

ENROLMENT = """
alter table enrolment
    add column home_la text,
    add column leaving_reason text,
    add column destination text,
    drop constraint enrolment_kind_check,
    add constraint enrolment_kind_check check (kind in ('single', 'main', 'subsidiary', 'guest'))
"""


def upgrade() -> None:
    """Makes them."""
    for statement in (
        SCHOOL,
        SCHOOL_LA,
        CALENDAR,
        CALENDAR_DAY,
        NAMED_DAY,
        REGISTER_TIMES,
        YEAR_GROUP,
        ENROLMENT,
    ):
        op.execute(statement)
