"""The end of a stay that a school had said where its closure came first."""

from alembic import op

revision = "0011"
down_revision = "0010"

PLANNED = """
alter table enrolment
    add column planned_end date, add column planned_reason text, add column planned_destination text
"""


def upgrade() -> None:
    """Adds its columns. What a closure has overwritten before is not known any more: such stays go on without end."""
    op.execute(PLANNED)
