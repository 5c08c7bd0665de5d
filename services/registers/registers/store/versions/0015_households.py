"""What is told of a child's households: codes, and nothing that could be read without the key."""

from alembic import op

revision = "0015"
down_revision = "0014"

HOUSEHOLDS = """
alter table pupil
    add column households text[] not null default '{}', add column not_siblings text[] not null default '{}'
"""


def upgrade() -> None:
    """Adds its columns; background work fills them, and tells readers, as soon as there is a key."""
    op.execute(HOUSEHOLDS)
