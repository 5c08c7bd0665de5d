"""Which child an id means, for services that hear of merges from the absence engine (casework, notifications).

Table `alias`: a dead id and the child it became, always the one that is alive now (a chain is flattened as it grows).
Table `child`: one row per id that was ever named, there to be locked: whoever changes what belongs to a child holds the
rows of the id he was told and of the child it means, so that no merge passes between the look and the change.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from common.db import Transaction

if TYPE_CHECKING:  # loaded for migrations only: a running service writes SQL, and starts sooner without it
    from sqlalchemy import MetaData, Table

CREATE_ALIAS = """
create table alias (
    pupil_id uuid primary key,
    survivor uuid not null
)
"""

CREATE_ALIAS_SURVIVOR = "create index alias_survivor on alias (survivor)"

CREATE_CHILD = """
create table child (
    pupil_id uuid primary key
)
"""

ADD = "insert into child (pupil_id) select unnest($1::uuid[]) order by 1 on conflict do nothing"

LOCK = "select 1 from child where pupil_id = any($1::uuid[]) order by pupil_id for update"

LIVING = """
select told::text as told, coalesce(survivor, told)::text as living
from unnest($1::uuid[]) as told left join alias on alias.pupil_id = told
"""

ADD_ALIAS = "insert into alias (pupil_id, survivor) values ($1, $2) on conflict do nothing returning pupil_id"

FLATTEN = "update alias set survivor = $2 where survivor = $1 and version = 0"

MEAN = """
insert into alias (pupil_id, survivor, version) values ($1, $2, $3)
on conflict (pupil_id) do update set survivor = excluded.survivor, version = excluded.version
where alias.version < excluded.version returning pupil_id
"""

ADD_VERSION = "alter table alias add column version bigint not null default 0"
"""What an id means is told with a version, of which the highest holds; an id that means itself was split off again."""


def alias(metadata: "MetaData") -> "Table":
    """Dead ids."""
    from sqlalchemy import BigInteger, Column, Index, Table
    from sqlalchemy.dialects.postgresql import UUID

    return Table(
        "alias",
        metadata,
        Column("pupil_id", UUID(as_uuid=False), primary_key=True),
        Column("survivor", UUID(as_uuid=False), nullable=False),
        Column("version", BigInteger, nullable=False, server_default="0"),
        Index("alias_survivor", "survivor"),
    )


def child(metadata: "MetaData") -> "Table":
    """A row to lock for each id."""
    from sqlalchemy import Column, Table
    from sqlalchemy.dialects.postgresql import UUID

    return Table("child", metadata, Column("pupil_id", UUID(as_uuid=False), primary_key=True))


async def living(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, str]:
    """For each id the child that it means now; ids that nobody merged mean themselves."""
    return {row["told"]: row["living"] for row in await tx.fetch(LIVING, sorted(set(pupil_ids)))}


async def lock(tx: Transaction, pupil_ids: Iterable[str]) -> dict[str, str]:
    """Locks the children that these ids mean until the transaction ends, and answers as `living`."""
    held: set[str] = set()
    meaning = await living(tx, pupil_ids)
    while missing := sorted({*meaning, *meaning.values()} - held):
        await tx.execute(ADD, missing)
        await tx.execute(LOCK, missing)
        held.update(missing)
        meaning = await living(tx, meaning)  # a merge may have been committed while we waited
    return meaning


async def mean(tx: Transaction, pupil_id: str, living_child: str, version: int) -> tuple[str, str] | None:
    """Records that an id means this child from now on (itself, when it was split off); both, and the child that it
    meant, must be locked. Answers whom it meant and means, None when that is no news.
    """
    before = (await living(tx, [pupil_id]))[pupil_id]
    if version == 0:  # told before meanings had versions
        after = await merge(tx, pupil_id, living_child)
        return None if after is None else (before, after)
    if not await tx.fetchval(MEAN, pupil_id, living_child, version) or before == living_child:
        return None
    return before, living_child


async def merge(tx: Transaction, dead: str, survivor: str) -> str | None:
    """Records that `dead` is `survivor` from now on; both must be locked. Answers the living child, None if known
    before.
    """
    alive = (await living(tx, [survivor]))[survivor]
    if alive == dead or not await tx.fetchval(ADD_ALIAS, dead, alive):
        return None
    await tx.execute(FLATTEN, dead, alive)
    return alive
