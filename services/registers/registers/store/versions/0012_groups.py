"""What figures are grouped by: a school's trust and locality, a child's class, and when its year group was said."""

from alembic import op

revision = "0012"
down_revision = "0011"

GROUPS = """
alter table school add column trust text, add column locality text;
alter table enrolment add column registration_group text;
alter table pupil add column year_group_in smallint
"""


def upgrade() -> None:
    """Adds its columns; nothing is known of them until it is said."""
    for statement in GROUPS.split(";"):
        op.execute(statement)
