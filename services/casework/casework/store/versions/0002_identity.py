"""Who a child is, and was."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds its tables and columns."""
