"""Table `consumer`: what has been agreed with each client. registers owns it, and keeps more about each beside this;
the other services have a mirror of it, fed by what registers announces.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from common.access.consumers import Consumer
from common.access.reach import Reach
from common.db import Transaction
from common.events.consumers import ConsumerChanged
from common.listen import notify

if TYPE_CHECKING:  # loaded for migrations only: a running service writes SQL, and starts sooner without it
    from sqlalchemy import MetaData, Table

CHANNEL = "consumers"
"""Told when an agreement changes: the processes of the service read it anew."""

CREATE_CONSUMER = """
create table consumer (
    client_id text primary key,
    version bigint not null,
    organisation text not null,
    purposes text[] not null,
    agreement_from date not null,
    agreement_to date,
    scopes text[] not null,
    schools integer[],
    cohorts text[],
    redactions text[] not null,
    revoked_at timestamptz
)
"""

STATE = "select md5(string_agg(client_id || ' ' || version, ' ' order by client_id)) from consumer"
ALL = """
select client_id, version, organisation, purposes, agreement_from, agreement_to, scopes, schools, cohorts, redactions,
    revoked_at
from consumer
"""
KEEP = """
insert into consumer (client_id, version, organisation, purposes, agreement_from, agreement_to, scopes, schools,
    cohorts, redactions, revoked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (client_id) do update
set version = excluded.version, organisation = excluded.organisation, purposes = excluded.purposes,
    agreement_from = excluded.agreement_from, agreement_to = excluded.agreement_to, scopes = excluded.scopes,
    schools = excluded.schools, cohorts = excluded.cohorts, redactions = excluded.redactions,
    revoked_at = excluded.revoked_at
where consumer.version < excluded.version
"""


def consumer(metadata: "MetaData") -> "Table":
    """The mirror: what was last heard of each agreement, its schools by URN."""
    from sqlalchemy import ARRAY, BigInteger, Column, Date, DateTime, Integer, Table, Text

    return Table(
        "consumer",
        metadata,
        Column("client_id", Text, primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("organisation", Text, nullable=False),
        Column("purposes", ARRAY(Text), nullable=False),
        Column("agreement_from", Date, nullable=False),
        Column("agreement_to", Date),
        Column("scopes", ARRAY(Text), nullable=False),
        Column("schools", ARRAY(Integer)),
        Column("cohorts", ARRAY(Text)),
        Column("redactions", ARRAY(Text), nullable=False),
        Column("revoked_at", DateTime(timezone=True)),
    )


async def state(tx: Transaction) -> str | None:
    """Another one whenever an agreement has changed; None while there is none."""
    return await tx.fetchval(STATE)


async def every(tx: Transaction) -> dict[str, Consumer]:
    """All agreements, by client."""
    return {row["client_id"]: _consumer(row) for row in await tx.fetch(ALL)}


def _consumer(row: Any) -> Consumer:
    return Consumer(
        client_id=row["client_id"],
        organisation=row["organisation"],
        purposes=tuple(row["purposes"]),
        first=row["agreement_from"],
        last=row["agreement_to"],
        scopes=frozenset(row["scopes"]),
        reach=Reach(_set(row["schools"]), _set(row["cohorts"])),
        redactions=frozenset(row["redactions"]),
        revoked_at=row["revoked_at"],
        version=row["version"],
    )


def _set(listed: Any) -> frozenset[Any] | None:
    return None if listed is None else frozenset(listed)


async def keep(tx: Transaction, told: Sequence[ConsumerChanged]) -> None:
    """Takes agreements as registers told them; of what was told of one client, the highest version holds."""
    for one in told:
        await tx.execute(
            KEEP, one.client_id, one.version, one.organisation, one.purposes, date.fromisoformat(one.agreement_from),
            None if one.agreement_to is None else date.fromisoformat(one.agreement_to), one.scopes, one.schools,
            one.cohorts, one.redactions, None if one.revoked_at is None else datetime.fromisoformat(one.revoked_at),
        )  # fmt: skip
    if told:
        await notify(tx, CHANNEL)
