"""Facts and merges as all ledgers tell them; then each child: its figures, and its episodes with their evidence.

A child whose marks are all at one school is looked at when that school has been; one with several when all have been.
"""

from dataclasses import dataclass, field
from typing import Any

from audit.child import Child, Mark, counted
from audit.codes import Code
from audit.compare.world import World, followed
from audit.episodes import Episode, Rules, episodes
from audit.explain import digest, digest_of, evidence, session_document
from audit.figures import totals
from audit.policy import Policy
from audit.read import engine
from audit.read.engine import EpisodeRow
from audit.read.snapshot import Snapshots
from audit.report import Report

BATCH = 200
"""Children whose evidence is fetched at once."""


def compare_facts(world: World, report: Report) -> None:
    """Dates of birth, flags and merges: registers' own rows, the ledgers and the engine say the same."""
    merges = followed(world.merges)
    report.count("merged children", len(merges))
    report.same(
        "merged children, by the ledgers", _without(merges, world.behind), _without(world.survivors, world.behind)
    )
    in_engine = followed({row.pupil_id: row.survivor for row in world.children.values() if row.survivor})
    report.same("merged children, in the engine", _without(in_engine, world.behind), _without(merges, world.behind))
    for pupil in world.pupils.values():
        if pupil.survivor is not None:
            continue
        report.count("children")
        told = world.facts.get(pupil.pupil_id)
        report.same(f"pupil {pupil.pupil_id}, on the roll", pupil.facts, told)
        if pupil.pupil_id not in world.behind and told is not None:
            row = world.children.get(pupil.pupil_id)
            report.same(f"pupil {pupil.pupil_id}, in the engine", row.facts if row else None, told)
    if world.behind:
        report.note(f"{len(world.behind)} children, of whom the engine has not been told everything yet")


def _without(merges: dict[str, str], children: set[str]) -> dict[str, str]:
    return {dead: living for dead, living in merges.items() if living not in children and dead not in children}


@dataclass
class Children:
    """Goes through the children as their marks come in. `rows`: the engine's standing episodes, by child."""

    at: Snapshots
    world: World
    report: Report
    rows: dict[str, list[EpisodeRow]]
    several: dict[str, list[Mark]] = field(default_factory=dict)
    batch: list[Child] = field(default_factory=list)

    async def school(self, urn: int, marks: dict[str, list[Mark]]) -> None:
        """The standing marks of one school, by child."""
        for pupil_id, own in marks.items():
            if {stay.urn for stay in self.world.enrolments.get(pupil_id, [])} <= {urn}:
                await self._add(pupil_id, own)
            else:
                self.several.setdefault(pupil_id, []).extend(own)

    async def end(self) -> None:
        """The children with several schools, and those who have episodes but no mark."""
        for pupil_id, marks in self.several.items():
            await self._add(pupil_id, marks)
        await self._compare()
        for pupil_id, rows in self.rows.items():
            if pupil_id not in self.world.behind:
                for row in rows:
                    self.report.difference(f"{_name(row)} stands, though pupil {pupil_id} has no mark")

    async def _add(self, pupil_id: str, marks: list[Mark]) -> None:
        if pupil_id in self.world.behind:
            self.rows.pop(pupil_id, None)
            return
        self.batch.append(self.world.child(pupil_id, marks))
        if len(self.batch) == BATCH:
            await self._compare()

    async def _compare(self) -> None:
        """Compares the children that have been gathered."""
        rows = {child.pupil_id: self.rows.pop(child.pupil_id, []) for child in self.batch}
        standing = [row.episode_id for own in rows.values() for row in own]
        explanations = await engine.explanations(self.at.engine, standing)
        for child in self.batch:
            sums = totals(counted(child), self.world.codes)
            self.report.count("possible sessions", sums.possible)
            self.report.count("absent sessions", sums.absent)
            rules = self.world.policies.rules(child)
            compare_child(child, rows[child.pupil_id], explanations, self.world.codes, rules, self.report)
        self.batch.clear()


def compare_child(
    child: Child,
    rows: list[EpisodeRow],
    explanations: dict[str, dict[str, Any]],
    codes: dict[str, Code],
    rules: Rules,
    report: Report,
) -> None:
    """The engine's standing episodes of a child are those that its marks have."""
    kept = {(row.kind, row.year, row.crossed_on): row for row in rows}
    if len(kept) < len(rows):
        report.difference(f"pupil {child.pupil_id} has two standing episodes that crossed at the same session")
    for episode in episodes(child, codes, rules):
        report.count(f"standing {episode.kind} episodes")
        row = kept.pop((episode.kind, episode.year, episode.crossed_on), None)
        if row is None:
            report.difference(f"pupil {child.pupil_id} has no standing episode for {episode}")
        else:
            policy = rules(episode.year)
            _compare_episode(child, episode, row, explanations[row.episode_id], codes, policy, report)
    for row in kept.values():
        report.difference(f"{_name(row)} of pupil {child.pupil_id} stands, but the marks have none: {row}")


def _compare_episode(
    child: Child,
    episode: Episode,
    row: EpisodeRow,
    explanation: dict[str, Any],
    codes: dict[str, Code],
    policy: Policy,
    report: Report,
) -> None:
    name = _name(row)
    found = evidence(child, episode, codes, policy)
    state = "open" if episode.ended_on is None else "ended"
    report.same(f"{name}: state, reason", (row.state, row.ended_reason), (state, episode.ended_reason))
    report.same(f"{name}: firm on, provisional", (row.firm_on, row.provisional), (episode.firm_on, episode.provisional))
    report.same(f"{name}: ended on", row.ended_on, episode.ended_on)
    report.same(f"{name}: school", row.school_urn, episode.school)
    report.same(f"{name}: policy", row.policy_version, policy.named_by(row.kind))
    sessions = [session_document(mark) for mark in found.sessions]
    report.same(f"{name}: sessions behind it", explanation["sessions"], sessions)
    report.same(f"{name}: school weeks", explanation["school_weeks"], found.school_weeks)
    report.same(f"{name}: formula", explanation["formula"], found.formula)
    wanted = digest(child.pupil_id, episode.kind, found, policy.named_by(episode.kind))
    report.same(f"{name}: hash of the explanation", (row.hash, explanation["hash"]), (wanted, wanted))


def _name(row: EpisodeRow) -> str:
    year = "" if row.year is None else f" of {row.year}-{(row.year + 1) % 100:02d}"
    return f"{row.kind} episode{year} {row.episode_id}"


def standing_rows(rows: list[EpisodeRow], world: World, report: Report) -> dict[str, list[EpisodeRow]]:
    """The episodes that stand, by child. Every episode that was announced stands or is reversed; none is of a dead
    id.
    """
    found: dict[str, list[EpisodeRow]] = {}
    for row in rows:
        report.count("episodes announced")
        if row.state not in ("open", "ended", "reversed"):
            report.difference(f"{_name(row)} neither stands nor is reversed: {row.state}")
        if row.pupil_id in world.survivors and world.living(row.pupil_id) not in world.behind:
            report.difference(f"{_name(row)} is of pupil {row.pupil_id}, who became {world.living(row.pupil_id)}")
        if row.state != "reversed":
            found.setdefault(world.living(row.pupil_id), []).append(row)
    return found


async def compare_reversed(at: Snapshots, rows: list[EpisodeRow], report: Report) -> None:
    """What a reversed episode rested on can't be worked out from what is known now; but its hash is that of what is
    kept of it.
    """
    gone = [row for row in rows if row.state == "reversed"]
    for first in range(0, len(gone), BATCH):
        some = gone[first : first + BATCH]
        explanations = await engine.explanations(at.engine, [row.episode_id for row in some])
        for row in some:
            report.count("reversed episodes")
            explanation = explanations[row.episode_id]
            wanted = digest_of(row.pupil_id, row.kind, explanation)
            found = (row.hash, explanation["hash"])
            report.same(f"{_name(row)}: hash of what it rested on", found, (wanted, wanted))
