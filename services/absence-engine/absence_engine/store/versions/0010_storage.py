"""An index on episodes that nothing reads any more: a child's are found by the id under which they began."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("drop index episode_pupil_id")
