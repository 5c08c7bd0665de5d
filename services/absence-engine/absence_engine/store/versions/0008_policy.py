"""Policy sets of local authorities, and the evaluation that follows a change of one."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing yet."""
