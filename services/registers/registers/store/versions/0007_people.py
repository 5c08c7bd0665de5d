"""Flags, plans and contacts, dated."""

from alembic import op

revision = "0007"
down_revision = "0006"

CONTACT = """
alter table contact
    add column care_of_child boolean not null default false,
    add column no_fixed_abode boolean not null default false,
    add column barred_from date,
    add column barred_to date,
    add column barred_order text,
    add column from_date date,
    add column to_date date,
    add column household uuid
"""

HOUSEHOLDS = """
update contact set household = md5(plain.text)::uuid
from (
    select contact_id, lower(regexp_replace(
        coalesce(address ->> 'postcode', '')
            || (select coalesce(string_agg(line, '' order by at), '')
                from jsonb_array_elements_text(address -> 'lines') with ordinality as l (line, at)),
        '[^A-Za-z0-9]+', '', 'g'
    )) as text
    from contact where lives_with_pupil and address is not null
) as plain
where contact.contact_id = plain.contact_id and plain.text <> ''
"""
"""As `domain/contacts.py` finds them for contacts that are sent from now on."""

FLAG = """
create table flag (
    pupil_id uuid not null,
    source text not null,
    flag text not null,
    from_date date not null,
    to_date date,
    urn integer,
    primary key (pupil_id, source, flag, from_date),
    check (to_date >= from_date)
)
"""

PART_TIME_TIMETABLE = """
create table part_time_timetable (
    urn integer not null,
    pupil_id uuid not null,
    from_date date not null,
    to_date date,
    review_on date not null,
    reviewed_on date,
    agreed_by text[] not null,
    primary key (urn, pupil_id, from_date),
    check (to_date >= from_date)
)
"""

SOCIAL_WORKER = """
create table social_worker (
    pupil_id uuid not null,
    place smallint not null,
    name text not null,
    email text,
    phone text,
    from_date date not null,
    to_date date,
    primary key (pupil_id, place),
    check (to_date >= from_date)
)
"""

SIBLING = """
create table sibling (
    pupil_id uuid not null,
    other uuid not null,
    is_sibling boolean not null,
    primary key (pupil_id, other),
    check (pupil_id < other)
)
"""

INDEXES = (
    "create index contact_household on contact (household) where household is not null",
    "create index part_time_timetable_pupil on part_time_timetable (pupil_id)",
    "create index sibling_other on sibling (other)",
)


def upgrade() -> None:
    """Adds its tables and columns, and finds the households of the contacts that are there."""
    for statement in (CONTACT, HOUSEHOLDS, FLAG, PART_TIME_TIMETABLE, SOCIAL_WORKER, SIBLING, *INDEXES):
        op.execute(statement)
