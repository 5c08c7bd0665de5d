"""What the absence engine keeps: how far it is, sheets, calendars, facts, episodes."""

import json
import re
import zlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, NamedTuple

from audit.child import Enrolment, Session
from audit.codes import data_file
from audit.fold import Facts, flag_spans
from audit.policy import Policy, in_order, policy_of
from audit.read.registers import BATCH, HALVES
from audit.read.snapshot import Connection

POSITIONS = "select urn, number, entry_id, evaluated, state, reason from ledger_position"
SCHOOL = "select name, la_code, phase, recalculating from school where urn = $1"
SHEETS = "select pupil_id::text, year, marks from sheet where urn = $1"
CALENDARS = "select year, sessions from calendar where urn = $1"
ENROLMENTS = "select pupil_id::text, from_date, to_date, kind from enrolment where urn = $1 order by from_date"
CHILDREN = "select pupil_id::text, survivor::text, version, date_of_birth, year_group, flags, flag_spans from child"
HOUSEHOLDS = """
select pupil_id::text, replace(code::text, '-', '') as code, from_date::text, to_date::text, apart from household
"""
EPISODES = """
select episode_id::text, pupil_id::text, kind, year, state, provisional, crossed_on, crossed_session, firm_on,
firm_session,
    ended_on, ended_session, ended_reason, school_urn, epoch, revision, policy_version, hash
from episode
"""
POLICIES = "select la_code, document from policy_set where state = 'published' and la_code <> 'england'"
POLICY_DAY = "select policy_day from engine"
REEVALUATING = """
select la_code, max(version), sum(children)::bigint from reevaluation
group by la_code having bool_or(finished_at is null) order by 1
"""
EXPLANATIONS = "select episode_id::text, evidence, hash, explanation from episode where episode_id = any($1::uuid[])"


class Position(NamedTuple):
    """How far a school's ledger was applied (`number`, `entry_id`) and its children evaluated."""

    urn: int
    number: int
    entry_id: str
    evaluated: int
    state: str
    reason: str | None


class ChildRow(NamedTuple):
    """A child as the engine knows it; a dead id has a survivor."""

    pupil_id: str
    survivor: str | None
    facts: Facts


class EpisodeRow(NamedTuple):
    """An episode as it is kept, without its explanation."""

    episode_id: str
    pupil_id: str
    kind: str
    year: int | None
    state: str
    provisional: bool
    crossed_on: Session
    firm_on: Session | None
    ended_on: Session | None
    ended_reason: str | None
    school_urn: int
    revision: tuple[int, int]
    policy_version: str
    hash: str


def _session(day: Any, half: int | None) -> Any:
    return None if day is None or half is None else (day, HALVES[half])


async def positions(connection: Connection) -> dict[int, Position]:
    return {row["urn"]: Position(*row) for row in await connection.fetch(POSITIONS)}


async def school(connection: Connection, urn: int) -> dict[str, Any]:
    row = await connection.fetchrow(SCHOOL, urn)
    return dict(row) if row else {}


async def sheets(connection: Connection, urn: int) -> AsyncIterator[tuple[str, int, bytes]]:
    """A school's sheets: pupil, academic year, 732 code numbers."""
    async for row in connection.cursor(SHEETS, urn, prefetch=BATCH):
        yield row["pupil_id"], row["year"], unpacked(row["marks"])


def unpacked(row: bytes) -> bytes:
    """The 732 code numbers of a sheet: two bits a place, the lowest first (0 no mark, 1 code /, 2 code \\, 3 the next
    of the numbers that follow the 183 bytes); or the numbers themselves.
    """
    if len(row) == 732:
        return row
    others = iter(row[183:])
    kinds = (byte >> shift & 3 for byte in row[:183] for shift in (0, 2, 4, 6))
    return bytes(next(others) if kind == 3 else kind for kind in kinds)


async def calendars(connection: Connection, urn: int) -> dict[int, bytes]:
    """A school's calendars: by academic year 732 places, 1 where it is open."""
    return {row["year"]: row["sessions"] for row in await connection.fetch(CALENDARS, urn)}


async def enrolments(connection: Connection, urn: int) -> dict[str, list[Enrolment]]:
    """The stays at a school, by pupil."""
    found: dict[str, list[Enrolment]] = {}
    for row in await connection.fetch(ENROLMENTS, urn):
        stay = Enrolment(urn, row["from_date"], row["to_date"], row["kind"])
        found.setdefault(row["pupil_id"], []).append(stay)
    return found


async def children(connection: Connection) -> dict[str, ChildRow]:
    homes: dict[str, set[tuple[str, str | None, str | None]]] = {}
    apart: dict[str, set[str]] = {}
    for row in await connection.fetch(HOUSEHOLDS):
        if row["apart"]:
            apart.setdefault(row["pupil_id"], set()).add(row["code"])
        else:
            homes.setdefault(row["pupil_id"], set()).add((row["code"], row["from_date"], row["to_date"]))
    return {
        row["pupil_id"]: ChildRow(
            row["pupil_id"],
            row["survivor"],
            Facts(
                row["version"],
                row["date_of_birth"],
                row["year_group"],
                tuple(sorted(row["flags"])),
                flag_spans(json.loads(row["flag_spans"])),
                frozenset(homes.get(row["pupil_id"], ())),
                frozenset(apart.get(row["pupil_id"], ())),
            ),
        )
        for row in await connection.fetch(CHILDREN)
    }


async def episodes(connection: Connection) -> list[EpisodeRow]:
    """Every episode that was ever announced."""
    found: list[EpisodeRow] = []
    async for row in connection.cursor(EPISODES, prefetch=BATCH):
        found.append(
            EpisodeRow(
                row["episode_id"],
                row["pupil_id"],
                row["kind"],
                row["year"],
                row["state"],
                row["provisional"],
                _session(row["crossed_on"], row["crossed_session"]),
                _session(row["firm_on"], row["firm_session"]),
                _session(row["ended_on"], row["ended_session"]),
                row["ended_reason"],
                row["school_urn"],
                (row["epoch"], row["revision"]),
                row["policy_version"],
                row["hash"],
            )
        )
    return found


async def policies(connection: Connection) -> dict[str, tuple[Policy, ...]]:
    """The versions that authorities have published, in the order in which they come into force."""
    found: dict[str, list[Policy]] = {}
    for row in await connection.fetch(POLICIES):
        found.setdefault(row["la_code"], []).append(policy_of(json.loads(row["document"])))
    return {la_code: tuple(sorted(own, key=in_order)) for la_code, own in found.items()}


async def policy_day(connection: Connection) -> date | None:
    """The day by which policies are in force; None before the service first noticed one."""
    return await connection.fetchval(POLICY_DAY)


async def reevaluating(connection: Connection) -> list[tuple[str, str, int]]:
    """The authorities whose children are still to be looked at by a version that came into force: authority, version,
    how many have been.
    """
    return [tuple(row) for row in await connection.fetch(REEVALUATING)]


async def explanations(connection: Connection, episode_ids: list[str]) -> dict[str, dict[str, Any]]:
    """The evidence of some episodes, as announced."""
    found = {
        row["episode_id"]: _inflated(row["evidence"], row["hash"])
        if row["evidence"]
        else json.loads(row["explanation"])
        for row in await connection.fetch(EXPLANATIONS, episode_ids)
    }
    for explanation in found.values():
        if isinstance(explanation["sessions"], str):
            explanation["sessions"] = _sessions(explanation["sessions"])
    return found


def _inflated(evidence: bytes, sealed: str) -> dict[str, Any]:
    """An explanation that was deflated against a text that the engine ships; its hash is in a column of its own."""
    text = data_file("absence_engine", "store", "explanation.txt").read_bytes()
    row = json.loads(zlib.decompressobj(-12, text).decompress(evidence[1:]))
    names = ("sentence", "sessions", "school_weeks", "formula", "policy_version")
    return dict(zip(names, row, strict=False)) | {"hash": sealed}


def _sessions(text: str) -> list[dict[str, Any]]:
    """Sessions kept as a text: `@URN`, then for each the half days since the one before, and its code."""
    found: list[dict[str, Any]] = []
    urn = half_days = 0
    for school, step, code in re.findall(r"@([0-9]+)|([0-9]+)([^ ]+)", text):
        if school:
            urn = int(school)
            continue
        half_days += int(step)
        day, half = divmod(half_days, 2)
        on = date.fromordinal(day).isoformat()
        found.append({"date": on, "session": HALVES[half], "code": code, "school_urn": urn})
    return found
