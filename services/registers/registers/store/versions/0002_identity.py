"""Who a child is, and was: every UPN, who died into whom, and what each merge and split did."""

from alembic import op

revision = "0002"
down_revision = "0001"

UPN = """
create table upn (
    upn text not null,
    pupil_id uuid not null,
    given_at timestamptz not null,
    replaced_at timestamptz,
    taken_at timestamptz,
    primary key (upn, pupil_id)
)
"""

IDENTITY_CHANGE = """
create table identity_change (
    number bigint generated always as identity primary key,
    change_id uuid not null unique,
    kind text not null check (kind in ('merge', 'split')),
    pupil_id uuid not null,
    other uuid not null,
    restored boolean not null,
    identity_version bigint not null,
    urn integer not null,
    reason text,
    changed_by text,
    changed_at timestamptz not null,
    detail jsonb not null
)
"""

STATEMENTS = (
    UPN,
    IDENTITY_CHANGE,
    "create index upn_pupil on upn (pupil_id)",
    "create index identity_change_pupil on identity_change (pupil_id)",
    "create index identity_change_other on identity_change (other)",
    "alter table pupil add column merged_into uuid, add column identity_version bigint not null default 0",
    "insert into upn (upn, pupil_id, given_at) select upn, pupil_id, now() from pupil where upn is not null",
    "update pupil set merged_into = survivor where survivor is not null",
    "alter table mark add column sent_for uuid",  # last: from here on nobody takes a register until this is committed
)


def upgrade() -> None:
    """Adds its tables and columns; the UPNs of today are the first that have a history."""
    for statement in STATEMENTS:
        op.execute(statement)
