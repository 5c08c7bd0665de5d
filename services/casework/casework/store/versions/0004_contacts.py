"""Letters that go to nobody."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Letters say why they are withheld."""
    op.execute("alter table letter add column withheld text")
