"""What registers says is agreed with clients."""

from alembic import op
from common.access.store import CREATE_CONSUMER

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the mirror, empty."""
    op.execute(CREATE_CONSUMER)
