"""Marks that are still to be judged anew."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds its tables and columns."""
