"""Episodes: as values for the rules (`domain.claims.Episode`), with explanations for what is said about them.

A session is a date and 0 or 1 here, a tick there. How an explanation is kept: `explanations`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec
from common.arrays import array
from common.db import Transaction

from absence_engine.domain.claims import Episode
from absence_engine.domain.events import Told
from absence_engine.domain.ticks import day_of, tick_of
from absence_engine.store.explanations import of_before, pack, unpack

COLUMNS = """
episode_id::text, pupil_id::text, kind, year, state, crossed_on, crossed_session, firm_on, firm_session, ended_on,
ended_session, ended_reason, reversed_at, last_mark_on, last_mark_session, school_urn, epoch, revision, hash,
policy_version, event, coalesce(origin, pupil_id)::text
"""
BEGAN = """
select episode.* from unnest($1::text::uuid[]) as wanted (id) join episode on origin = id
union all
select episode.* from unnest($1::text::uuid[]) as wanted (id) join episode on pupil_id = id where origin is null
"""
"""The episodes that began under some ids. Old code that still runs while tables are new notes no origin."""
STANDING = f"""
select coalesce(origin, pupil_id)::text, kind, year, state, ended_reason, firm_on is not null
from ({BEGAN}) as episode where state <> 'reversed'
"""  # noqa: S608 (a constant)
OF_CHILDREN = f"select {COLUMNS} from ({BEGAN}) as episode"  # noqa: S608 (constants)
BY_ID = f"select {COLUMNS} from episode where episode_id = any($1::uuid[])"  # noqa: S608 (a constant)
WHOLE = f"select {COLUMNS}, evidence, explanation::text, sequence::text from episode where episode_id = any($1::uuid[])"  # noqa: S608
PAGE = f"""
select {COLUMNS}, evidence, explanation::text, sequence::text from episode
where ($1::int is null or school_urn = $1) and ($2::uuid is null or episode_id > $2) order by episode_id limit $3
"""  # noqa: S608
SAVE = """
insert into episode select t.* from json_populate_recordset(null::episode, $1::json) as t
on conflict (episode_id) do update set
    pupil_id = excluded.pupil_id, kind = excluded.kind, year = excluded.year, state = excluded.state,
    provisional = excluded.provisional, crossed_on = excluded.crossed_on, crossed_session = excluded.crossed_session,
    firm_on = excluded.firm_on, firm_session = excluded.firm_session, ended_on = excluded.ended_on,
    ended_session = excluded.ended_session, ended_reason = excluded.ended_reason, reversed_at = excluded.reversed_at,
    last_mark_on = excluded.last_mark_on, last_mark_session = excluded.last_mark_session,
    school_urn = excluded.school_urn, epoch = excluded.epoch, revision = excluded.revision, hash = excluded.hash,
    policy_version = excluded.policy_version, event = excluded.event, evidence = excluded.evidence, explanation = null,
    sequence = null
"""


class Standing(NamedTuple):
    """As much of a standing episode as says whether a mark can touch it."""

    origin: str
    kind: str
    year: int | None
    state: str
    reason: str | None
    firm: bool


async def standing(tx: Transaction, pupil_ids: Iterable[str]) -> list[Standing]:
    """The standing episodes that began under these ids, in short."""
    return [Standing(*row) for row in await tx.fetch(STANDING, array(pupil_ids))]


async def of_children(tx: Transaction, pupil_ids: Iterable[str]) -> list[Episode]:
    """All episodes that began under these ids, reversed ones included."""
    return [_episode(row) for row in await tx.fetch(OF_CHILDREN, array(pupil_ids))]


async def by_id(tx: Transaction, episode_ids: Iterable[str]) -> dict[str, Episode]:
    """Episodes by id, without what explains them: that takes longer to read than all the rest."""
    return {row[0]: _episode(row) for row in await tx.fetch(BY_ID, list(episode_ids))}


async def whole(tx: Transaction, episode_ids: Iterable[str]) -> dict[str, Told]:
    """Episodes with their explanations, by id."""
    rows = await tx.fetch(WHOLE, list(episode_ids))
    return {row[0]: _told(row) for row in rows}


async def page(tx: Transaction, school_urn: int | None, after: str | None, limit: int) -> list[Told]:
    """Episodes in id order, of one school (of the mark that crossed) or of all."""
    return [_told(row) for row in await tx.fetch(PAGE, school_urn, after, limit)]


async def save(tx: Transaction, told: Sequence[Told]) -> None:
    """Adds or replaces episodes, each named once."""
    if told:
        await tx.execute(SAVE, msgspec.json.encode([_row(one) for one in told]).decode())


def _row(told: Told) -> Mapping[str, Any]:
    e = told.episode
    return {
        "episode_id": e.episode_id,
        "pupil_id": e.pupil_id,
        "kind": e.kind,
        "year": e.year,
        "state": e.state,
        "provisional": e.provisional,
        **_session("crossed_on", "crossed_session", e.crossed),
        **_session("firm_on", "firm_session", e.firm),
        **_session("ended_on", "ended_session", e.ended),
        "ended_reason": e.reason,
        "reversed_at": e.reversed_at,
        **_session("last_mark_on", "last_mark_session", e.last_mark),
        "school_urn": e.school_urn,
        "epoch": e.epoch,
        "revision": e.revision,
        "hash": e.hash,
        "policy_version": e.policy_version,
        "event": e.event,
        "evidence": f"\\x{pack(told.explanation, told.sequence).hex()}",
        "origin": e.origin,
    }


def _session(date_column: str, session_column: str, tick: int | None) -> Mapping[str, Any]:
    if tick is None:
        return {date_column: None, session_column: None}
    return {date_column: day_of(tick), session_column: tick % 2}


def _tick(row: asyncpg.Record, at: int) -> int | None:
    return None if row[at] is None else tick_of(row[at], row[at + 1])


def _episode(row: asyncpg.Record) -> Episode:
    return Episode(
        episode_id=row[0],
        pupil_id=row[1],
        kind=row[2],
        year=row[3],
        state=row[4],
        crossed=tick_of(row[5], row[6]),
        firm=_tick(row, 7),
        ended=_tick(row, 9),
        reason=row[11],
        reversed_at=row[12],
        last_mark=tick_of(row[13], row[14]),
        school_urn=row[15],
        epoch=row[16],
        revision=row[17],
        hash=row[18],
        policy_version=row[19],
        event=row[20],
        origin=row[21],
    )


def _told(row: asyncpg.Record) -> Told:
    kept = row["evidence"]
    explanation, sequence = unpack(kept, row["hash"]) if kept else of_before(row["explanation"], row["sequence"])
    return Told(_episode(row), explanation, sequence)
