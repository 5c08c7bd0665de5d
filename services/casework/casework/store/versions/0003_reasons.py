"""Reasons that are to be established, and tasks about them, which are about no episode."""

from alembic import op

revision = "0003"
down_revision = "0002"

REASON = """
create table reason (
    reason_id uuid primary key,
    told_pupil_id uuid not null,
    pupil_id uuid not null,
    school_urn integer not null,
    day date not null,
    session text not null,
    state text not null,
    due_on date,
    number bigint not null
)
"""

CHANGES = (
    "create index reason_day on reason (told_pupil_id, school_urn, day)",
    "create index reason_pupil_id on reason (pupil_id)",
    "alter table task alter column episode_id drop not null",
    "alter table task add column overdue boolean not null default false",
)


def upgrade() -> None:
    """Makes the table, and lets a task be about no episode."""
    for statement in (REASON, *CHANGES):
        op.execute(statement)
