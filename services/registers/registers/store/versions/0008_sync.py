"""What a school's system asks at the end of a day: how each school is connected."""

from alembic import op

revision = "0008"
down_revision = "0007"

CONNECTION = """
create table connection (
    urn integer primary key,
    kind text not null,
    state text not null,
    contact_role text,
    since date,
    changed_at timestamptz not null
)
"""


def upgrade() -> None:
    """Adds its table."""
    op.execute(CONNECTION)
