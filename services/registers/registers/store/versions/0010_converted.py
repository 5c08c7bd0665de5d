"""Schools whose pupils have gone on at their successor."""

from alembic import op

revision = "0010"
down_revision = "0009"

CONVERTED = "alter table school add column converted boolean not null default false"
KNOWN = """
update school as old set converted = true from school as next
where next.urn = old.successor_urn and next.predecessor_urn = old.urn and old.closed_on is not null
"""
"""Of two schools that became one, the last: the first may be told to convert once more, which moves nobody again."""


def upgrade() -> None:
    """Adds its column, and notes the conversions that can be told from closures."""
    op.execute(CONVERTED)
    op.execute(KNOWN)
