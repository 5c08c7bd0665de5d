"""Which sessions have a register; those of the past are found in the sheets."""

import numpy as np
from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"

COVERED = """
create table covered (
    urn integer not null,
    year smallint not null,
    place smallint not null,
    marked boolean not null,
    missing boolean not null,
    primary key (urn, year, place)
)
"""
SCHOOL_YEARS = "select distinct urn, year from sheet order by 1, 2"
SHEETS = "select codes from sheet where urn = :urn and year = :year"
FILL = """
insert into covered (urn, year, place, marked, missing)
select :urn, :year, place, true, false from unnest(cast(:places as smallint[])) as place
"""


def upgrade() -> None:
    """Makes the table and fills it, a school's year at a time."""
    op.execute(COVERED)
    connection = op.get_bind()
    for urn, year in connection.execute(text(SCHOOL_YEARS)).all():
        of = {"urn": urn, "year": year}
        codes = b"".join(row[0] for row in connection.execute(text(SHEETS), of))
        marked = np.frombuffer(codes, np.uint8).reshape(-1, 732).any(axis=0)
        connection.execute(text(FILL), of | {"places": np.flatnonzero(marked).tolist()})
