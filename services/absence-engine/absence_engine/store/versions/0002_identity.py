"""Who a child is, and was: whom each id was merged into or split from, and under whose id an episode began."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    "alter table child add column parent uuid, add column identity_version bigint not null default 0,"
    " add column apart boolean not null default false, add column told bigint not null default 0",
    "update child set parent = survivor where survivor is not null",
    "alter table episode add column origin uuid",
    "update episode set origin = pupil_id",
    "create index episode_origin on episode (origin)",
    "create index episode_without_origin on episode (pupil_id) where origin is null",
)


def upgrade() -> None:
    """Adds its columns."""
    for statement in STATEMENTS:
        op.execute(statement)
