"""A draft of a policy tried on marks, beside the version that holds: who would have crossed a threshold, who would not,
and the work that it would have made.

Both are worked out anew by the same rules (`spans`), so what differs is the policy's doing. A crossing counts by its
session; a task by the session at which its stage calls for it: the crossing, or the one that made it firm.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from absence_engine.domain.in_force import Book, last_school
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import Calendars
from absence_engine.domain.spans import Child, Scope, Span, spans
from absence_engine.domain.ticks import monday_of, week_of

Outcome = Literal["would", "would_not", "both"]
OUTCOMES: tuple[Outcome, ...] = ("would", "would_not", "both")
Counts = Counter[Outcome]
Side = Literal["in_force", "draft"]


class Question(NamedTuple):
    """What is asked: crossings from one session to another (ticks, inclusive) of an academic year, under a draft and
    under what an authority has in force (`held`).
    """

    year: int
    first: int
    last: int
    draft: Policy
    held: Book

    def inside(self, tick: int | None) -> bool:
        """Whether there is such a session, and it lies between the two."""
        return tick is not None and self.first <= tick <= self.last


class Answer(NamedTuple):
    """Of one child: the school of its last mark of the year, the crossings under what is in force and under the
    draft.
    """

    pupil_id: str
    school: int
    held: list[Span]
    draft: list[Span]

    def outcomes(self) -> dict[str, Outcome]:
        """By kind, for the kinds that it crossed."""
        held, draft = {span.kind for span in self.held}, {span.kind for span in self.draft}
        by_outcome: dict[Outcome, set[str]] = {"would": draft - held, "would_not": held - draft, "both": held & draft}
        return {kind: outcome for outcome, kinds in by_outcome.items() for kind in kinds}


def answers(children: Sequence[Child], calendars: Calendars, question: Question) -> Iterator[Answer]:
    """One for each child with a mark in the year."""
    asked = [
        (child, school)
        for child in children
        if question.year in child.years and (school := last_school(child.years[question.year])) is not None
    ]
    family = [child for child, _ in asked]
    scopes = [Scope.whole(child)._replace(years=frozenset({question.year})) for child in family]
    draft = spans(family, scopes, calendars, question.draft)
    held = spans(family, scopes, calendars, question.held(question.year))
    if question.held(None) is not question.held(question.year):
        today = spans(family, scopes, calendars, question.held(None))
        held = [_of(before, now) for before, now in zip(held, today, strict=True)]
    for (child, school), was, would in zip(asked, held, draft, strict=True):
        yield Answer(child.record.pupil_id, school, was, would)


def _of(years: Sequence[Span], today: Sequence[Span]) -> list[Span]:
    """What each policy is asked for: one those that belong to a year, the other those that run over the years."""
    return [*(s for s in years if s.year is not None), *(s for s in today if s.year is None)]


@dataclass
class Sums:
    """What the answers of many children come to, in as much memory as there are schools, kinds and weeks."""

    question: Question
    children: int = 0
    kinds: dict[str, Counts] = field(default_factory=dict[str, Counts])
    schools: dict[int, dict[str, Counts]] = field(default_factory=dict[int, dict[str, Counts]])
    weeks: dict[int, dict[str, dict[str, Counter[Side]]]] = field(
        default_factory=dict[int, dict[str, dict[str, Counter[Side]]]]
    )

    def add(self, answer: Answer) -> dict[str, Outcome]:
        """Counts a child; its outcomes, of the crossings that are asked for."""
        inside = self.question.inside
        asked = answer._replace(
            held=[span for span in answer.held if inside(span.crossed)],
            draft=[span for span in answer.draft if inside(span.crossed)],
        )
        self.children += 1
        outcomes = asked.outcomes()
        for kind, outcome in outcomes.items():
            self.kinds.setdefault(kind, Counter())[outcome] += 1
            self.schools.setdefault(answer.school, {}).setdefault(kind, Counter())[outcome] += 1
        self._weeks("in_force", asked.held, answer.held)
        self._weeks("draft", asked.draft, answer.draft)
        return outcomes

    def _weeks(self, side: Side, crossed: Sequence[Span], every: Sequence[Span]) -> None:
        for span in crossed:
            self._count(side, "crossings", span.kind, span.crossed)
        for span in every:
            policy = self._policy(side, span)
            stage = policy.stages.get(span.kind)
            at = None if stage is None else span.crossed if stage.while_provisional else span.firm
            if stage is not None and at is not None and self.question.inside(at):
                self._count(side, "tasks", stage.task, at)

    def _policy(self, side: Side, span: Span) -> Policy:
        return self.question.draft if side == "draft" else self.question.held(span.year)

    def _count(self, side: Side, what: str, name: str, tick: int) -> None:
        week = self.weeks.setdefault(week_of(tick), {"crossings": {}, "tasks": {}})
        week[what].setdefault(name, Counter())[side] += 1

    def result(self, phases: Mapping[int, str]) -> dict[str, Any]:
        """All of it as JSON values; small numbers of a school or a phase are null. `phases`: by school."""
        least = self.question.draft.suppress_below
        by_phase: dict[str, dict[str, Counts]] = {}
        for urn, kinds in self.schools.items():
            for kind, counts in kinds.items():
                by_phase.setdefault(phases.get(urn, "unknown"), {}).setdefault(kind, Counter()).update(counts)
        return {
            "kinds": _numbers(self.kinds, 0),
            "weeks": [
                {
                    "week": monday_of(week).isoformat(),
                    **{
                        what: [
                            {"name": name, "in_force": counts["in_force"], "draft": counts["draft"]}
                            for name, counts in sorted(named.items())
                        ]
                        for what, named in of_week.items()
                    },
                }
                for week, of_week in sorted(self.weeks.items())
            ],
            "schools": [
                {"school_urn": urn, "kinds": _numbers(kinds, least)} for urn, kinds in sorted(self.schools.items())
            ],
            "phases": [{"phase": phase, "kinds": _numbers(kinds, least)} for phase, kinds in sorted(by_phase.items())],
        }


def _numbers(kinds: Mapping[str, Counts], least: int) -> list[dict[str, Any]]:
    """By kind how many children of each outcome; None for numbers that are too small to be shown."""
    return [
        {"kind": kind} | {outcome: None if 0 < counts[outcome] < least else counts[outcome] for outcome in OUTCOMES}
        for kind, counts in sorted(kinds.items())
    ]
