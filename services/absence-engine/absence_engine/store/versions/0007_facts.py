"""What answers group by: classes, trusts, localities; personal targets; the order of worklists."""

from alembic import op

revision = "0007"
down_revision = "0006"

FACTS = (
    "alter table enrolment add column registration_group text",
    "alter table child add column year_group_in smallint",
    "alter table school add column trust text, add column locality text",
)
WORKLIST = """
create index episode_worklist on episode (state, kind, crossed_on, crossed_session, episode_id) include (school_urn)
"""
PERSONAL_TARGET = """
create table personal_target (
    pupil_id uuid primary key,
    attendance integer not null,
    from_date date not null,
    to_date date,
    reason text not null,
    said_by text not null,
    said_at timestamptz not null
)
"""


def upgrade() -> None:
    """Adds its columns; what registers has told before is not known here until it is told again."""
    for statement in (*FACTS, WORKLIST, PERSONAL_TARGET):
        op.execute(statement)
