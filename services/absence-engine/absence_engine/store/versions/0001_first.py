"""The first tables of the absence engine."""

from alembic import op
from common import tables

revision = "0001"
down_revision = None

CHILD = """
create table child (
    pupil_id uuid primary key,
    survivor uuid,
    version bigint not null default 0,
    date_of_birth date,
    year_group smallint,
    flags text[] not null default '{}'
) with (fillfactor = 70)
"""

SCHOOL = """
create table school (
    urn integer primary key,
    name text not null,
    la_code text not null,
    phase text not null
)
"""

CALENDAR = """
create table calendar (
    urn integer not null,
    year smallint not null,
    sessions bytea not null check (length(sessions) = 732),
    primary key (urn, year)
)
"""

ENROLMENT = """
create table enrolment (
    pupil_id uuid not null,
    urn integer not null,
    from_date date not null,
    to_date date,
    kind text not null check (kind in ('single', 'main', 'subsidiary')),
    primary key (pupil_id, urn, from_date)
)
"""

# Half of each page stays free, so that the next mark's row finds a place on the same page and no index changes.
SHEET = """
create table sheet (
    pupil_id uuid not null,
    urn integer not null,
    year smallint not null,
    codes bytea storage plain not null check (length(codes) = 732),
    primary key (pupil_id, urn, year)
) with (fillfactor = 50)
"""

EPISODE = """
create table episode (
    episode_id uuid primary key,
    pupil_id uuid not null,
    kind text not null,
    year smallint,
    state text not null check (state in ('open', 'ended', 'reversed')),
    provisional boolean not null,
    crossed_on date not null,
    crossed_session smallint not null,
    firm_on date,
    firm_session smallint,
    ended_on date,
    ended_session smallint,
    ended_reason text,
    reversed_at timestamptz,
    last_mark_on date not null,
    last_mark_session smallint not null,
    school_urn integer not null,
    epoch integer not null,
    revision integer not null,
    hash text not null,
    policy_version text not null,
    event text not null,
    explanation jsonb not null,
    sequence jsonb not null
)
"""

PENDING = """
create table pending (
    urn integer not null,
    pupil_id uuid not null,
    primary key (urn, pupil_id)
)
"""

ENGINE = """
create table engine (
    id smallint primary key check (id = 1),
    epoch integer not null
)
"""

INDEXES = (
    "create index child_survivor on child (survivor) where survivor is not null",
    "create index school_la_code on school (la_code)",
    "create index enrolment_urn on enrolment (urn)",
    "create index sheet_urn on sheet (urn, year)",
    "create index episode_pupil_id on episode (pupil_id)",
    "create index pending_pupil_id on pending (pupil_id)",
)

SHARED = (
    tables.CREATE_OUTBOX,
    tables.CREATE_POSITION,
    tables.CREATE_DEAD_LETTER,
    tables.CREATE_LEDGER_POSITION,
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in (*SHARED, CHILD, SCHOOL, CALENDAR, ENROLMENT, SHEET, EPISODE, PENDING, ENGINE, *INDEXES):
        op.execute(statement)
    op.execute("insert into engine (id, epoch) values (1, 1)")
