"""What registers says is agreed with clients."""

from alembic import op
from common.access.store import CREATE_CONSUMER

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Adds the mirror, empty."""
    op.execute(CREATE_CONSUMER)
