"""The rules once more, session by session, as plainly as they are told: what the vectorised domain must equal."""

from dataclasses import dataclass
from datetime import date, timedelta

from absence_engine.domain.ages import compulsory
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord, Enrolment
from absence_engine.domain.ticks import tick_of
from common.academic import Session, at_place, year_of
from common.codes import code_table

CODES = [None, *code_table().values()]
RANK = {"main": 0, "single": 1, "subsidiary": 2}


@dataclass(frozen=True)
class Told:
    """A session that counts for the child."""

    tick: int
    code: str
    urn: int

    @property
    def counts_as(self):
        return code_table()[self.code]


def covering(child: ChildRecord, urn: int, day: date) -> Enrolment | None:
    stays = [stay for stay in child.enrolments if stay.urn == urn and stay.from_ <= day <= (stay.to or date.max)]
    return min(stays, key=lambda stay: (RANK[stay.kind], stay.from_), default=None)


def told(child: ChildRecord) -> list[Told]:
    """One mark per session, chosen among the schools' by rule book 12.9, in time order."""
    given: dict[int, dict[int, str]] = {}
    for sheet in sorted(child.sheets, key=lambda s: (s.pupil_id != child.pupil_id, s.pupil_id)):
        for place, number in enumerate(sheet.codes):
            if number:
                day, session = at_place(sheet.year, place)
                given.setdefault(tick_of(day, session), {}).setdefault(sheet.urn, CODES[number].code)
    found = []
    for tick, codes in sorted(given.items()):
        day = date.fromordinal(tick // 2)

        def order(urn: int, day: date = day, codes: dict[int, str] = codes):
            stay = covering(child, urn, day)
            by_stay = (9, date.max) if stay is None else (RANK[stay.kind], stay.from_)
            return codes[urn] == "D", *by_stay, urn

        urn = min(codes, key=order)
        found.append(Told(tick, codes[urn], urn))
    return found


def rate_spans(
    child: ChildRecord, kind: str, policy: Policy
) -> list[tuple[int, int, int | None, int | None, str | None]]:
    """(year, crossed, firm, ended, reason)"""
    rate = policy.rates[kind]
    first, last = compulsory(child.date_of_birth)
    marks = told(child)
    years = sorted({year_of(date.fromordinal(mark.tick // 2)) for mark in marks})
    found = []
    for year in years:
        possible = absent = below = 0
        is_open: list | None = None
        last_possible = None
        for mark in marks:
            if year_of(date.fromordinal(mark.tick // 2)) != year or not mark.counts_as.possible:
                continue
            possible += 1
            absent += mark.counts_as.absence is not None
            last_possible = mark.tick
            flag = absent * rate.of >= possible * rate.part
            if is_open is None and flag and first <= mark.tick <= last:
                is_open, below = [year, mark.tick, None, None, None], 0
            if is_open is None:
                continue
            if flag and possible >= rate.minimum_possible and is_open[2] is None:
                is_open[2] = mark.tick
            below = 0 if flag else below + 1
            if below == rate.recovery_sessions:
                found.append((*is_open[:3], mark.tick, "recovered"))
                is_open = None
        if is_open is not None and year < years[-1]:
            is_open[3:] = [last_possible, "year_end"]
        if is_open is not None:
            found.append(tuple(is_open))
    return found


def weeks(child: ChildRecord, calendar: dict[int, set[int]]) -> dict[date, list[int]]:
    """The child's school weeks by their Mondays, with the open sessions of each."""
    found: dict[date, set[int]] = {}
    for stay in child.enrolments:
        for tick in calendar.get(stay.urn, ()):
            day = date.fromordinal(tick // 2)
            if stay.from_ <= day <= (stay.to or date.max):
                found.setdefault(day - timedelta(day.weekday()), set()).add(tick)
    return {monday: sorted(ticks) for monday, ticks in sorted(found.items())}


def monday(tick: int) -> date:
    day = date.fromordinal(tick // 2)
    return day - timedelta(day.weekday())


def window_of(mondays: list[date], week: date, policy: Policy) -> list[date]:
    at = mondays.index(week)
    return mondays[max(at - policy.penalty.weeks + 1, 0) : at + 1]


def countable(child: ChildRecord, mondays: list[date]) -> list[Told]:
    first, last = compulsory(child.date_of_birth)
    return [
        mark
        for mark in told(child)
        if mark.counts_as.counts_to_penalty
        and first <= mark.tick <= last
        and mark.tick not in child.spent
        and monday(mark.tick) in mondays
    ]


def penalty_spans(child: ChildRecord, calendar: dict[int, set[int]], policy: Policy):
    """(crossed, firm, ended)"""
    opens = weeks(child, calendar)
    mondays = list(opens)
    sessions = countable(child, mondays)
    marks = told(child)
    found = []
    is_open: list | None = None
    for week in mondays:
        window = window_of(mondays, week, policy)
        inside = [mark for mark in sessions if monday(mark.tick) in window]
        settled = [mark for mark in inside if mark.code not in policy.penalty.unsettled_codes]
        if is_open is None and len(inside) >= policy.penalty.sessions:
            is_open = [inside[policy.penalty.sessions - 1].tick, None, None]
        if is_open is None:
            continue
        if is_open[1] is None and len(settled) >= policy.penalty.sessions:
            is_open[1] = settled[policy.penalty.sessions - 1].tick
        complete = any(monday(mark.tick) > week for mark in marks)
        if complete and len(inside) < policy.penalty.sessions:
            found.append((*is_open[:2], opens[week][-1]))
            is_open = None
    if is_open is not None:
        found.append(tuple(is_open))
    return found


def best_window(child: ChildRecord, calendar: dict[int, set[int]], policy: Policy) -> tuple[int, date | None]:
    """How many sessions that are not spent the best window holds, and the Monday with whose week it ends."""
    mondays = list(weeks(child, calendar))
    left = [monday(mark.tick) for mark in countable(child, mondays)]
    best: tuple[int, date | None] = (0, None)
    for mark in countable(child._replace(spent=frozenset()), mondays):
        window = window_of(mondays, monday(mark.tick), policy)
        inside = sum(week in window for week in left)
        best = max(best, (inside, monday(mark.tick)), key=lambda b: (b[0], b[1] or date.min))
    return best


__all__ = ["Session", "best_window", "penalty_spans", "rate_spans", "told", "weeks"]
