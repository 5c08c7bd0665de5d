"""By which codes children are siblings: read from the ledgers' facts from now on."""

from alembic import op

revision = "0015"
down_revision = "0014"

HOUSEHOLD = """
create table household (
    pupil_id uuid not null,
    place smallint not null,
    code uuid not null,
    from_date date,
    to_date date,
    apart boolean not null,
    primary key (pupil_id, place)
)
"""


def upgrade() -> None:
    """Makes the table, empty: nobody was told of households before."""
    op.execute(HOUSEHOLD)
    op.execute("create index household_code on household (code)")
