"""The first tables of casework."""

from alembic import op
from common import children, tables

revision = "0001"
down_revision = None

EPISODE = """
create table episode (
    episode_id uuid primary key,
    pupil_id uuid not null,
    kind text not null,
    academic_year text,
    state text not null,
    provisional boolean not null,
    crossed_on text not null,
    school_urn integer not null,
    open_days date[] not null,
    sentence text not null,
    epoch integer not null,
    revision integer not null
)
"""

LETTER = """
create table letter (
    letter_id uuid primary key,
    kind text not null,
    pupil_id uuid not null,
    school_urn integer not null,
    episode_id uuid not null,
    status text not null,
    overtaken boolean not null,
    epoch integer not null,
    revision integer not null
)
"""

TASK = """
create table task (
    task_id uuid primary key,
    case_id uuid not null,
    kind text not null,
    pupil_id uuid not null,
    school_urn integer not null,
    episode_id uuid not null,
    letter_id uuid,
    status text not null,
    owner text,
    due_on date not null,
    reason text not null,
    outcome text,
    note text,
    opened_at timestamptz not null,
    closed_at timestamptz,
    epoch integer not null,
    revision integer not null
)
"""

CASE_FILE = """
create table case_file (
    case_id uuid primary key,
    pupil_id uuid not null unique,
    into_case_id uuid,
    opened_at timestamptz not null,
    epoch integer not null,
    revision integer not null
)
"""

TIMELINE = """
create table timeline (
    entry_id uuid primary key,
    pupil_id uuid not null,
    at timestamptz not null,
    kind text not null,
    text text not null,
    school_urn integer,
    episode_id uuid,
    task_id uuid,
    letter_id uuid,
    line bigint generated always as identity
)
"""

INDEXES = (
    "create index episode_pupil_id on episode (pupil_id)",
    "create index letter_pupil_id on letter (pupil_id)",
    "create index task_pupil_id on task (pupil_id)",
    "create index task_due_on on task (due_on, task_id)",
    "create index task_case_id on task (case_id)",
    "create index timeline_pupil_id on timeline (pupil_id, at)",
)

SHARED = (
    tables.CREATE_OUTBOX,
    tables.CREATE_POSITION,
    tables.CREATE_DEAD_LETTER,
    children.CREATE_ALIAS,
    children.CREATE_ALIAS_SURVIVOR,
    children.CREATE_CHILD,
)


def upgrade() -> None:
    """Makes the tables."""
    for statement in (*SHARED, EPISODE, LETTER, TASK, CASE_FILE, TIMELINE, *INDEXES):
        op.execute(statement)
