"""Absences that no parent told of in time: on the first day by the school's time, and again on every further day.

A pupil's absence is a run of sessions: it goes back from the day over sessions at which the pupil was absent, until one
at which the pupil was seen. Sessions without a mark, and those that did not count as possible, neither end a run nor
belong to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal, NamedTuple

from common.academic import Session
from common.codes import Code

from registers.domain.absence_notices import Notice
from registers.domain.expected import Place

Kind = Literal["first-day-late", "first-day-missing", "further-day-missing"]
Outcome = Literal["told", "not-due-yet"] | Kind
OUTCOMES: tuple[Outcome, ...] = ("told", "not-due-yet", "first-day-late", "first-day-missing", "further-day-missing")


class Run(NamedTuple):
    """The first school day of an absence, and on how many days the pupil was absent since, that first one included."""

    since: date
    days: int


class Absence(NamedTuple):
    """A pupil's sessions of a day at which an absence wants a notice, with their codes, and the run they belong to."""

    pupil_id: str
    sessions: Mapping[Session, str]
    run: Run


class Judged(NamedTuple):
    """What is to be said of an absence: `sessions` are those without a notice, or all when one came late; `notice` the
    one that came late, or else the last of an earlier day of the run.
    """

    absence: Absence
    outcome: Outcome
    sessions: Sequence[Session]
    due_at: datetime
    notice: Notice | None


def run_of(marks: Mapping[Place, str], day: Place, codes: Mapping[str, Code]) -> Run:
    """The run that an absence on `day` belongs to. `marks`: what stands of the pupil, `day` included, as far back as is
    known.
    """
    absent = {day.on}
    for place in sorted((one for one in marks if one < day), reverse=True):
        code = codes[marks[place]]
        if code.attended or code.on_site:
            break
        if code.absence is not None:
            absent.add(place.on)
    return Run(min(absent), len(absent))


def judge(
    absence: Absence, on: date, notices: Iterable[Notice], due: Mapping[Session, datetime], now: datetime
) -> Judged:
    """Whether the notices that hold of a pupil tell of an absence on a day, and in time. `due`: until when the absence
    from a session had to be told.
    """
    holding = [notice for notice in notices if notice.holds]
    first = min(absence.sessions)
    due_at = due[first]
    untold = [
        session
        for session in sorted(absence.sessions)
        if not any(notice.now.content.covers(Place(on, session)) for notice in holding)
    ]
    is_first_day = absence.run.since == on
    if untold:
        kind: Outcome = "first-day-missing" if is_first_day else "further-day-missing"
        earlier = None if is_first_day else _earlier(holding, absence.run.since, on)
        return Judged(absence, "not-due-yet" if now < due[untold[0]] else kind, untold, due[untold[0]], earlier)
    told_by = min(
        (notice for notice in holding if notice.now.content.covers(Place(on, first))),
        key=lambda notice: (notice.now.content.given_at, notice.notice_id),
    )
    if is_first_day and told_by.now.content.given_at > due_at:
        return Judged(absence, "first-day-late", sorted(absence.sessions), due_at, told_by)
    return Judged(absence, "told", (), due_at, told_by)


def is_gap(judged: Judged) -> bool:
    """Whether nobody told of the absence in time."""
    return judged.outcome not in ("told", "not-due-yet")


def counts(judged: Iterable[Judged]) -> dict[str, int]:
    """How many absences came out how; all of them are `absent`."""
    found = Counter[str](one.outcome for one in judged)
    return {"absent": found.total(), **{outcome.replace("-", "_"): found[outcome] for outcome in OUTCOMES}}


def _earlier(notices: Iterable[Notice], since: date, on: date) -> Notice | None:
    """The last notice that was about an earlier day of the run."""
    of_run = [one for one in notices if one.now.content.end.on >= since and one.now.content.first.on < on]
    return max(of_run, key=lambda one: (one.now.content.end, one.now.content.given_at, one.notice_id), default=None)
