"""Marks that are still to be judged anew."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds its tables and columns."""
