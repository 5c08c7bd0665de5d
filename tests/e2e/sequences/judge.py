"""What everything must be like once schools have done what they did: asked over HTTP, and of the second implementation.

`judge` returns what is wrong, a sentence each. It looks at the schools of one example; an audit's differences of
earlier ones are known to `Judge` and left out.
"""

import asyncio
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import httpx
from audit import figures, fold
from audit import main as audit
from audit.barrier import Outstanding
from audit.child import Child, Mark, Session
from audit.compare import world as worlds
from audit.compare.school import compare_school
from audit.episodes import episodes
from audit.policy import Threshold
from audit.read import snapshot
from audit.report import Report

from tests.e2e.school import ok

COUNTS = ("possible", "attended", "absent", "authorised", "unauthorised", "late_before_close", "late_after_close")
SAID_IN_NOTICE = ("state", "version", "from", "from_session", "to", "to_session", "reason", "suggested_code")
NOTHING = dict.fromkeys(COUNTS, 0)
PATIENCE = 20.0
"""Seconds that everything may stand still before something counts as stuck."""


@dataclass(frozen=True)
class Sent:
    """A mark that was acknowledged; `key` names its pupil as it did when it was sent."""

    urn: int
    day: str
    half: str
    code: str
    status: str
    key: tuple[str, str]


@dataclass
class Judge:
    """Judges a running product. `server_url`: its PostgreSQL; `today`: the day by which it judges marks."""

    client: httpx.Client
    server_url: str
    today: date
    known: set[str] = field(default_factory=set)

    def judge(self, urns: Sequence[int], sent: Sequence[Sent], notices: Sequence[dict[str, Any]] = ()) -> list[str]:
        """What is wrong with these schools, to which `sent` was sent; `notices` as they were answered last."""
        if found := self._audit():
            return found
        known = asyncio.run(self._second_implementation(urns))
        found = [*self._lost(urns, known, sent), *self._notices(urns, notices)]
        for urn in urns:
            found += self._feed(urn, sent)
            found += self._school_figures(urn, known)
        for child in known.children:
            found += self._child(child, known)
        return found

    def _audit(self) -> list[str]:
        out = io.StringIO()
        status = asyncio.run(audit.run(self.server_url, today=self.today, out=out, patience=PATIENCE))
        told = {line for line in out.getvalue().splitlines() if line.startswith(("DIFFERENCE", "could not run"))}
        new, self.known = told - self.known, self.known | told
        return sorted(new) if status else []

    async def _second_implementation(self, urns: Sequence[int]) -> "Known":
        """The children of the schools, with the marks that stand of all that was sent."""
        opened = await snapshot.connect(self.server_url)
        try:
            async with snapshot.snapshots(opened) as at:
                world = await worlds.load(at, Outstanding(), self.today)
                marks: dict[str, list[Mark]] = defaultdict(list)
                for school in world.schools:
                    if school.urn in urns:
                        for pupil_id, own in (await compare_school(at, world, school, Report(io.StringIO()))).items():
                            marks[pupil_id] += own
                enrolled = {
                    child for child, stays in world.enrolments.items() if {stay.urn for stay in stays} & {*urns}
                }
                return Known(world, [world.child(child, marks[child]) for child in sorted({*marks, *enrolled})])
        finally:
            await snapshot.close(opened)

    # -- over HTTP ------------------------------------------------------------------------------------------------

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """Everything that a list holds, page by page."""
        url: str | None = str(httpx.URL(path, params={"page_size": 50, **query}))
        while url is not None:
            page = ok(self.client.get(url))
            yield from page["items"]
            url = page["next"]

    def _lost(self, urns: Sequence[int], known: "Known", sent: Sequence[Sent]) -> Iterator[str]:
        """What was acknowledged and is found neither in a child's history nor in quarantine."""
        kept: set[tuple[int, str, str, str | None]] = set()
        for urn in urns:
            kept |= {
                (urn, mark["date"], mark["session"], mark["code"])
                for mark in self.items(f"/v1/schools/{urn}/quarantine")
            }
        for child in known.children:
            for mark in self.items(f"/v1/pupils/{child.pupil_id}/marks"):
                for entry in (mark, *mark["history"]):
                    kept.add((mark["school_urn"], mark["date"], mark["session"], entry["code"]))
        for mark in sent:
            if (mark.urn, mark.day, mark.half, mark.code) not in kept:
                yield f"lost: {mark}"

    def _notices(self, urns: Sequence[int], notices: Sequence[dict[str, Any]]) -> Iterator[str]:
        """What parents told is there as it was said last, with all that it said before, at the school and the child."""
        for one in notices:
            told = ok(self.client.get(f"/v1/schools/{one['school_urn']}/absence-notices/{one['notice_id']}"))
            said = {name: told[name] for name in SAID_IN_NOTICE}
            if said != (wanted := {name: one[name] for name in SAID_IN_NOTICE}):
                yield f"notice {one['notice_id']}: {said}, not {wanted}"
            if [version["version"] for version in told["history"]] != [*range(one["version"] - 1, 0, -1)]:
                yield f"notice {one['notice_id']}: before version {one['version']} were {told['history']}"
            of_child = self.items(f"/v1/pupils/{told['pupil_id']}/absence-notices")
            if one["notice_id"] not in [other["notice_id"] for other in of_child]:
                yield f"notice {one['notice_id']} is not listed for the child {told['pupil_id']}"
        for urn in urns:
            covering = {"notice-to-judge", "present-though-announced"}
            doubts = [item for item in self.items(f"/v1/schools/{urn}/data-quality") if item["kind"] in covering]
            counted = {one["notice_id"] for one in notices if one["state"] == "given"}
            for item in doubts:
                if item["notice_id"] not in counted:
                    yield f"school {urn}: a notice that does not count is doubted: {item}"

    def _feed(self, urn: int, sent: Sequence[Sent]) -> Iterator[str]:
        """The change feed, entry by entry, comes to what the registers say."""
        folded = fold.Folded()
        for number, entry in enumerate(self.items(f"/v1/schools/{urn}/changes"), start=1):
            if entry["sequence"] != number:
                yield f"changes of school {urn}: entry {number} is numbered {entry['sequence']}"
            fold.fold(folded, urn, entry["type"], entry["data"])
        told: dict[Session, Counter[str]] = defaultdict(Counter)
        for marks in folded.marks.values():
            for session, code in marks.items():
                told[session][code] += 1
        for day, half in {(mark.day, mark.half) for mark in sent if mark.urn == urn}:
            register = ok(self.client.get(f"/v1/schools/{urn}/registers/{day}/{half}"))["marks"]
            stands, said = Counter(mark["code"] for mark in register), told[date.fromisoformat(day), half]
            if stands != said:
                yield f"school {urn} on {day} {half}: the changes say {said}, not {stands}"

    def _school_figures(self, urn: int, known: "Known") -> Iterator[str]:
        """Each enrolment of a school and their sum, as the second implementation counts them."""
        for year in known.years:
            path, query = f"/v1/schools/{urn}/absence", {"academic_year": year_name(year)}
            told = {(row["pupil_id"], row["from"]): counts(row) for row in self.items(path, **query)}
            wanted = {
                (child.pupil_id, stay.start.isoformat()): known.totals(figures.enrolment_totals, child, stay, year)
                for child in known.children
                for stay in child.enrolments
                if stay.urn == urn
            }
            for key in {*told, *wanted}:
                if told.get(key, NOTHING) != wanted.get(key) and (key in told or wanted[key] != NOTHING):
                    yield f"school {urn} in {year}: {key} has {told.get(key)}, not {wanted.get(key)}"
            whole = ok(self.client.get(path, params=query))["school"]
            guests = {
                (child.pupil_id, stay.start.isoformat())
                for child in known.children
                for stay in child.enrolments
                if stay.urn == urn and stay.kind == "guest"
            }
            sums = {name: sum(one[name] for key, one in wanted.items() if key not in guests) for name in COUNTS}
            if counts(whole) != sums:
                yield f"school {urn} in {year}: all together have {counts(whole)}, not {sums}"

    def _child(self, child: Child, known: "Known") -> Iterator[str]:
        """A child's figures and standing episodes, as the second implementation has them."""
        name = f"pupil {child.pupil_id}"
        for year in known.years:
            answer = ok(
                self.client.get(f"/v1/pupils/{child.pupil_id}/absence", params={"academic_year": year_name(year)})
            )
            wanted = known.totals(figures.child_totals, child, year)
            if counts(answer["child"]) != wanted:
                yield f"{name} in {year}: {counts(answer['child'])}, not {wanted}"
            yield from _window(f"{name}: best", answer["penalty"], known.best_window(child))
            yield from _window(f"{name}: current", answer["penalty"]["current"], known.current_window(child))
        told = [
            (e["kind"], _session(e["crossed_on"]), _session(e["firm_on"]), _session(e["ended_on"]), e["ended_reason"])
            for e in self.items(f"/v1/pupils/{child.pupil_id}/episodes")
            if e["state"] != "reversed"
        ]
        wanted_episodes = [
            (e.kind, e.crossed_on, e.firm_on, e.ended_on, e.ended_reason)
            for e in episodes(child, known.world.codes, known.world.policies.rules(child))
        ]
        if sorted(told, key=repr) != sorted(wanted_episodes, key=repr):
            yield f"{name}: episodes {told}, not {wanted_episodes}"


@dataclass(frozen=True)
class Known:
    """What the second implementation knows of one example's children."""

    world: worlds.World
    children: list[Child]

    @property
    def years(self) -> list[int]:
        return sorted({fold.year_of(mark.day) for child in self.children for mark in child.marks})

    def totals(self, count: Callable[..., figures.Totals], *what: object) -> dict[str, int]:
        found = count(*what, self.world.codes)
        return {name: getattr(found, name) for name in COUNTS}

    def best_window(self, child: Child) -> figures.Window | None:
        return figures.best_window(child, self.penalty(child))

    def current_window(self, child: Child) -> figures.Window | None:
        return figures.current_window(child, self.penalty(child))

    def penalty(self, child: Child) -> Threshold:
        return self.world.policies.rules(child)(None).thresholds["PN_10_IN_10"]


def _window(name: str, answer: Any, wanted: figures.Window | None) -> Iterator[str]:
    told = [(s["date"], s["session"], s["code"], s["school_urn"]) for s in answer["sessions"]]
    marks = [(mark.day.isoformat(), mark.half, mark.code, mark.urn) for mark in wanted.marks] if wanted else []
    if told != marks or (answer["window"] or {}).get("school_weeks", 0) != (len(wanted.units) if wanted else 0):
        yield f"{name} window: {answer}, not {wanted}"


def counts(answer: Any) -> dict[str, int]:
    """The counts of an answer, without its rates."""
    return {name: answer[name] for name in COUNTS}


def year_name(year: int) -> str:
    return f"{year}-{(year + 1) % 100:02d}"


def _session(told: Any) -> Session | None:
    return None if told is None else (date.fromisoformat(told["date"]), told["session"])
