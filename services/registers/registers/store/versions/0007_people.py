"""Flags, plans and contacts, dated."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Adds its tables and columns."""
