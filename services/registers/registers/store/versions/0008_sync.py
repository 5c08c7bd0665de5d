"""What a school's system asks at the end of a day."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Adds its tables and columns."""
