"""Which child an id means, by version, and under which id things were told."""

from alembic import op
from common import children

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    children.ADD_VERSION,
    "alter table episode add column told_as uuid",
    "create index episode_told_as on episode (told_as)",
    "alter table letter add column told_as uuid",
    "create index letter_told_as on letter (told_as)",
    "alter table timeline add column told_as uuid",
)


def upgrade() -> None:
    """Adds the columns; what was told before is of the child that it is of."""
    for statement in STATEMENTS:
        op.execute(statement)
