"""The first tables of notifications."""

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
    firm_on text,
    school_urn integer not null,
    explanation jsonb not null,
    epoch integer not null,
    revision integer not null
)
"""

SETTLEMENT = """
create table settlement (
    episode_id uuid not null,
    letter_kind text not null,
    state text not null,
    due_at timestamptz not null,
    attempts integer not null,
    primary key (episode_id, letter_kind)
)
"""

LETTER = """
create table letter (
    letter_id uuid primary key,
    kind text not null,
    pupil_id uuid not null,
    school_urn integer not null,
    episode_id uuid not null,
    recipient_id uuid not null,
    channel text not null,
    status text not null,
    overtaken boolean not null,
    withheld boolean not null,
    template_version text not null,
    made_at timestamptz not null,
    queued_at timestamptz not null,
    hold_until timestamptz not null,
    due_at timestamptz not null,
    sent_at timestamptz,
    epoch integer not null,
    revision integer not null
)
"""

INDEXES = (
    "create index episode_pupil_id on episode (pupil_id)",
    "create index settlement_due on settlement (due_at) where state = 'due'",
    "create index letter_pupil_id on letter (pupil_id)",
    "create index letter_made_at on letter (made_at, letter_id)",
    "create index letter_due on letter (due_at) where status in ('queued', 'sending')",
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
    for statement in (*SHARED, EPISODE, SETTLEMENT, LETTER, *INDEXES):
        op.execute(statement)
