"""Policy sets of local authorities, and the evaluation that follows a change of one; simulations of drafts."""

from alembic import op

revision = "0008"
down_revision = "0007"

POLICY_SET = """
create table policy_set (
    la_code text not null,
    version text not null,
    valid_from date not null,
    document jsonb not null,
    state text not null,
    author text not null,
    created_at timestamptz not null,
    changed_at timestamptz not null,
    published_by text,
    published_at timestamptz,
    reason text,
    primary key (la_code, version)
)
"""
TURN = """
alter table engine
    add column policy_turn bigint not null default 0,
    add column policy_day date
"""
REEVALUATION = """
create table reevaluation (
    la_code text not null,
    part smallint not null,
    version text not null,
    cursor uuid,
    children bigint not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz,
    primary key (la_code, part)
)
"""
SIMULATION = """
create table simulation (
    simulation_id uuid primary key,
    la_code text not null,
    version text not null,
    document jsonb not null,
    year smallint not null,
    from_date date not null,
    to_date date not null,
    state text not null,
    subject text not null,
    children bigint not null default 0,
    created_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    result jsonb
)
"""
SIMULATED = """
create table simulated (
    simulation_id uuid not null,
    kind text not null,
    outcome text not null,
    pupil_id uuid not null,
    school_urn integer not null,
    primary key (simulation_id, kind, outcome, pupil_id)
)
"""


def upgrade() -> None:
    """Makes the tables; the shipped versions are put in when the service starts, and everybody is looked at again."""
    for statement in (POLICY_SET, TURN, REEVALUATION, SIMULATION, SIMULATED):
        op.execute(statement)
