"""The first tables of registers."""

from alembic import op

revision = "0001"
down_revision = None

SCHOOL = """
create table school (
    urn integer primary key,
    name text not null,
    la_code text not null,
    laestab text not null,
    phase text not null,
    last_number bigint not null default 0,
    last_entry uuid
) with (fillfactor = 20)
"""
"""Each write moves its school's row: room on the page keeps the new versions beside the old."""

CALENDAR = """
create table calendar (
    urn integer not null,
    academic_year smallint not null,
    primary key (urn, academic_year)
)
"""

CALENDAR_DAY = """
create table calendar_day (
    urn integer not null,
    date date not null,
    am boolean not null,
    pm boolean not null,
    primary key (urn, date)
)
"""

PUPIL = """
create table pupil (
    pupil_id uuid primary key,
    upn text unique,
    given_name text not null,
    family_name text not null,
    date_of_birth date,
    year_group smallint,
    flags text[] not null,
    version bigint not null,
    survivor uuid
)
"""

SCHOOL_PUPIL = """
create table school_pupil (
    urn integer not null,
    local_id text not null,
    pupil_id uuid not null,
    primary key (urn, local_id)
)
"""

ENROLMENT = """
create table enrolment (
    urn integer not null,
    pupil_id uuid not null,
    from_date date not null,
    to_date date,
    kind text not null check (kind in ('single', 'main', 'subsidiary')),
    primary key (urn, pupil_id, from_date),
    check (to_date >= from_date)
)
"""

CONTACT = """
create table contact (
    contact_id uuid primary key,
    urn integer not null,
    pupil_id uuid not null,
    local_id text not null,
    name text not null,
    relationship text,
    parental_responsibility boolean not null,
    lives_with_pupil boolean not null,
    priority smallint,
    email text,
    phone text,
    address jsonb,
    language text,
    do_not_contact boolean not null,
    constraint contact_natural_key unique (urn, pupil_id, local_id)
)
"""

SUBMISSION = """
create table submission (
    received bigint generated always as identity primary key,
    received_at timestamptz not null,
    taken_at timestamptz,
    source_version bigint,
    urn integer not null,
    date date not null,
    session smallint not null check (session in (0, 1)),
    kind text not null check (kind in ('register', 'deletion')),
    taken_by text,
    correlation_id text not null
)
"""

MARK = """
create table mark (
    received bigint not null,
    rank bigint not null,
    version bigint,
    urn integer not null,
    date date not null,
    pupil_id uuid not null,
    session smallint not null,
    place smallint not null,
    standing boolean not null,
    unexplained boolean not null,
    code text,
    problem text,
    details jsonb,
    primary key (urn, date, session, pupil_id, received, place)
)
"""
"""The columns stand in the order that wastes no bytes on alignment: this is by far the largest table."""

UNRESOLVED = """
create table unresolved (
    received bigint not null,
    version bigint,
    urn integer not null,
    date date not null,
    session smallint not null,
    place smallint not null,
    key_kind text not null check (key_kind in ('pupil_id', 'upn', 'local_id')),
    key text not null,
    code text not null,
    problem text not null,
    details jsonb,
    primary key (received, place)
)
"""

LEDGER = """
create table ledger (
    urn integer not null,
    number bigint not null,
    entry_id uuid not null,
    write_last bigint not null,
    type text not null,
    body bytea storage external not null,
    primary key (urn, number)
) with (toast_tuple_target = 8160)
"""
"""Bodies stay in the row, uncompressed: each is read once, moments after it was written."""

OUTBOX = """
create table outbox (
    id bigint generated always as identity primary key,
    urn integer not null,
    number bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
"""

EVALUATED = """
create table evaluated (
    what text primary key,
    value text not null
)
"""

INDEXES = """
create index pupil_survivor on pupil (survivor) where survivor is not null;
create index school_pupil_pupil on school_pupil (pupil_id);
create index enrolment_pupil on enrolment (pupil_id);
create index contact_pupil on contact (pupil_id);
create index mark_in_quarantine on mark (urn, date, session) where problem is not null;
create index mark_unexplained on mark (urn, date, session) where unexplained;
create index unresolved_key on unresolved (urn, key_kind, key);
create index unresolved_session on unresolved (urn, date, session)
"""

TABLES = (
    SCHOOL,
    CALENDAR,
    CALENDAR_DAY,
    PUPIL,
    SCHOOL_PUPIL,
    ENROLMENT,
    CONTACT,
    SUBMISSION,
    MARK,
    UNRESOLVED,
    LEDGER,
    OUTBOX,
    EVALUATED,
)


def upgrade() -> None:
    """Makes every table."""
    for table in (*TABLES, *INDEXES.split(";")):
        op.execute(table)
