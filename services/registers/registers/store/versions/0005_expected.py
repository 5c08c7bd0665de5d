"""Registers that are expected, reasons that are chased."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds its tables and columns."""
