"""Many registers at once: jobs."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds its tables and columns."""
