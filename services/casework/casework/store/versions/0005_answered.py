"""What requests came to that had an idempotency key."""

from alembic import op
from common.tables import CREATE_ANSWERED, INDEX_ANSWERED

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds its table."""
    op.execute(CREATE_ANSWERED)
    op.execute(INDEX_ANSWERED)
