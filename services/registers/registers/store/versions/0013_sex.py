"""The sex of a child, as the admission register has it."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds its column; nothing is known until a roll says it."""
    op.execute("alter table pupil add column sex text check (sex in ('female', 'male'))")
