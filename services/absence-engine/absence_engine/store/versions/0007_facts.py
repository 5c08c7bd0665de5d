"""What answers group by: registration groups, trusts, localities."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing yet."""
