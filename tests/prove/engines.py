"""A story delivered to real engines on a real PostgreSQL, and what the second implementation says of it.

`Engines.differences` empties the engine's tables, hands over the story's writes as a delivery has them, and compares
every child's episodes, evidence and hashes; at the end, and a few times on the way.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Literal

from absence_engine.actions.holding import Policies
from absence_engine.consumer import handler
from absence_engine.domain.policy import read
from audit import fold
from audit.child import Child, Enrolment, FlagSpan, Mark
from audit.codes import code_table
from audit.compare.children import compare_child
from audit.compare.world import followed
from audit.policies import Policies as PlainPolicies
from audit.policy import in_order, policy_of
from audit.read import engine
from audit.read.snapshot import Connection
from audit.report import Report
from common.broker import Partition, Record
from common.clock import Clock
from common.db import Database, create_database_if_absent
from common.events.registers import TOPIC
from common.migrate import migrate

from tests.any_order import Chunk, delivery, interleaved
from tests.prove.story import AUTHORITIES, NOW, TODAY, URNS, Story

CODES = code_table()
KEPT = ("alembic_version", "engine")
TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> all($1::text[])"
PUBLISH = """
insert into policy_set (la_code, version, valid_from, document, state, author, created_at, changed_at)
values ($1, $2, $3, $4, 'published', 'prove', $5, $5)
"""
TURN = "update engine set policy_turn = policy_turn + 1, policy_day = $1"

How = Literal["whole", "writes", "any"]
"""How a story is delivered: all at once, write by write, or in any of all ways, as its seed says."""


@dataclass(frozen=True)
class Told:
    """What the second implementation makes of the ledgers: every living child."""

    children: dict[str, Child]

    @classmethod
    def by(cls, bodies: Iterable[bytes]) -> "Told":
        """Of these entries, each school's in order."""
        ledgers: dict[int, fold.Folded] = {}
        for body in bodies:
            event = json.loads(body)
            urn: int = event["schoolurn"]
            fold.fold(ledgers.setdefault(urn, fold.Folded()), urn, event["type"], event["data"])
        return cls(dict(_children(ledgers)))


def _children(ledgers: dict[int, fold.Folded]) -> Iterator[tuple[str, Child]]:
    """The living children, each with what is said of any of its ids."""
    identities: dict[str, tuple[int, str | None]] = {}
    facts: dict[str, fold.Facts] = {}
    for folded in ledgers.values():
        for pupil_id, told in folded.identities.items():
            identities[pupil_id] = max(identities.get(pupil_id, (0, None)), told, key=lambda one: one[0])
        for pupil_id, said in folded.facts.items():
            if pupil_id not in facts or said.version > facts[pupil_id].version:
                facts[pupil_id] = said
    survivors = followed({dead: living for dead, (_, living) in identities.items() if living is not None})
    calendars = {urn: {s for year in folded.calendars.values() for s in year} for urn, folded in ledgers.items()}
    marks: dict[str, list[Mark]] = {}
    stays: dict[str, list[Enrolment]] = {}
    for urn, folded in ledgers.items():
        for pupil_id, sheet in folded.marks.items():
            own = marks.setdefault(survivors.get(pupil_id, pupil_id), [])
            own += [Mark(*session, code, urn, pupil_id) for session, code in sheet.items()]
        for pupil_id, its in folded.enrolments.items():
            stays.setdefault(survivors.get(pupil_id, pupil_id), []).extend(its)
    for pupil_id in {*marks, *stays}:
        said = facts.get(pupil_id)
        spans = [
            FlagSpan(flag, date.fromisoformat(first), date.fromisoformat(last) if last else None)
            for flag, first, last, _ in (said.flag_spans if said else ())
        ]
        yield pupil_id, Child(
            pupil_id, marks.get(pupil_id, []), stays.get(pupil_id, []), calendars,
            said.date_of_birth if said else None,
            flags=frozenset(said.flags if said else ()), flag_spans=tuple(spans),
        )  # fmt: skip


class Engines:
    """Two engines on one database."""

    def __init__(self, databases: tuple[Database, Database]) -> None:
        self.databases = databases

    @classmethod
    async def open(cls, server_url: str, name: str) -> "Engines":
        """On a database of that name on a server."""
        url = await create_database_if_absent(server_url, name)
        await migrate(url, "absence_engine")
        return cls((await Database.open(url, max_size=4), await Database.open(url, max_size=4)))

    async def close(self) -> None:
        for database in self.databases:
            await database.close()

    async def differences(self, story: Story, how: How, looks: int = 3) -> str:
        """What differs, in words; empty when nothing does. `looks`: how often it is compared."""
        await self._begin(story)
        bodies = story.bodies()
        policies = Policies(Clock(TODAY), [read(story.policy)])
        chance = Random(story.seed)
        mixed = chance.random() < 0.5
        offsets = dict.fromkeys(range(len(URNS)), 0)
        done = 0
        for look in range(1, looks + 1):
            until = len(bodies) * look // looks
            await self._deliver(_chunks(bodies[done:until], how, mixed, chance), policies, offsets, chance)
            done = until
            if found := await self._compare(story, [body for _, its in bodies[:done] for body in its]):
                return f"after {done} of {len(bodies)} writes:\n{found}"
        return ""

    async def _begin(self, story: Story) -> None:
        """Empties everything, and publishes the policies of authorities."""
        async with self.databases[0].transaction() as tx:
            names = [row[0] for row in await tx.fetch(TABLES, list(KEPT))]
            await tx.execute(f"truncate {', '.join(names)}")
            for la_code, documents in story.own.items():
                for said in documents:
                    day = date.fromisoformat(said["valid_from"])
                    await tx.execute(PUBLISH, la_code, said["version"], day, json.dumps(said), NOW)
            await tx.execute(TURN, TODAY)

    async def _deliver(
        self, partitions: Sequence[Sequence[Chunk]], policies: Policies, offsets: dict[int, int], chance: Random
    ) -> None:
        """Each partition's chunks in turn, each to one of the two engines."""
        handle = handler(Clock(TODAY), policies)
        waiting = [(number, list(chunks)) for number, chunks in enumerate(partitions) if chunks]
        while waiting:
            number, chunks = chance.choice(waiting)
            records: list[Record] = []
            for urn, body in chunks.pop(0):
                offset = offsets[number]
                offsets[number] += 1
                records.append(Record(Partition(TOPIC, number), offset, str(urn).encode(), body, str(offset)))
            await chance.choice(self.databases).in_transaction(lambda tx, records=records: handle(tx, records))
            waiting = [(number, chunks) for number, chunks in waiting if chunks]

    async def _compare(self, story: Story, bodies: Sequence[bytes]) -> str:
        own = {la_code: tuple(sorted(map(policy_of, said), key=in_order)) for la_code, said in story.own.items()}
        policies = PlainPolicies(TODAY, (policy_of(story.policy),), own, AUTHORITIES)
        out = io.StringIO()
        report = Report(out)
        async with self.databases[0].transaction() as tx:
            await compare(tx, Told.by(bodies), policies, report)  # type: ignore[arg-type]
        return out.getvalue()


def _chunks(bodies: Sequence[tuple[int, list[bytes]]], how: How, mixed: bool, chance: Random) -> list[list[Chunk]]:
    """The partitions of a delivery, each its chunks in order; `mixed`: two schools share one."""
    if how == "whole":
        return [[[(urn, body) for urn, its in bodies for body in its]]]
    if how == "writes":
        return [[[(urn, body) for body in its] for urn, its in bodies]]
    entries = {urn: [(urn, body) for at, its in bodies if at == urn for body in its] for urn in URNS}
    first, second, *others = [delivery(own, chance) for own in entries.values()]
    return [interleaved(first, second, chance), *others] if mixed else [first, second, *others]


async def compare(connection: Connection, told: Told, policies: PlainPolicies, report: Report) -> None:
    """Every child's episodes and their evidence; none is of anybody else."""
    standing: dict[str, list[engine.EpisodeRow]] = {}
    for row in await engine.episodes(connection):
        if row.state != "reversed":
            standing.setdefault(row.pupil_id, []).append(row)
    ids = [row.episode_id for rows in standing.values() for row in rows]
    explanations = await engine.explanations(connection, ids)
    for pupil_id, child in told.children.items():
        rows = standing.pop(pupil_id, [])
        compare_child(child, rows, explanations, CODES, policies.rules(child), report)
    for pupil_id, rows in standing.items():
        report.difference(f"pupil {pupil_id} is nobody, and has {rows}")
