"""Sheets are packed (`absence_engine.store.packing`). Those that are there stay as they are, 732 numbers, until their
next mark.

What an older engine would misread has another name from here on: its statements fail, it stops, and what it has not
applied the new one applies.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

# Each row is looked at by the next version: this one locks the table, and only for a moment.
STATEMENTS = (
    "alter table sheet rename column codes to marks",
    "alter table sheet drop constraint sheet_codes_check",
    "alter table sheet add constraint sheet_marks_check check (length(marks) between 183 and 732) not valid",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
