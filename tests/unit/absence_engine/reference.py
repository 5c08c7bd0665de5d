"""The rules once more, session by session, as plainly as they are told: what the vectorised domain must equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from absence_engine.domain.ages import compulsory
from absence_engine.domain.policy import Policy
from absence_engine.domain.records import ChildRecord, Enrolment
from absence_engine.domain.thresholds import Coded, Rate, Run, Window
from absence_engine.domain.ticks import tick_of
from common.academic import at_place, year_of
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


def has_flag(child: ChildRecord, wanted: Sequence[str], tick: int) -> bool:
    return any(flag in wanted and first <= tick <= last for flag, first, last in child.flags)


def is_over(child: ChildRecord, rate: Rate, absent: int, possible: int, mark: Told) -> bool:
    """Whether a session finds the rate of its year over the line."""
    if rate.flags and not has_flag(child, rate.flags, mark.tick):
        return False
    if rate.targets is not None:
        if str(mark.urn) not in rate.targets:
            return False
        attendance, target = Fraction(possible - absent, possible), Fraction(rate.targets[str(mark.urn)]) / 100
        return attendance < target if rate.strict else attendance <= target
    share = Fraction(absent, possible)
    return share > Fraction(rate.part, rate.of) if rate.strict else share >= Fraction(rate.part, rate.of)


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
            flag = is_over(child, rate, absent, possible, mark)
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


def counts(child: ChildRecord, rule: Coded, mark: Told) -> bool:
    """Whether a session counts to a run or a tally."""
    first, last = compulsory(child.date_of_birth)
    return (
        mark.code in rule.codes
        and (not rule.compulsory_age or first <= mark.tick <= last)
        and (not isinstance(rule, Run) or not rule.flags or has_flag(child, rule.flags, mark.tick))
    )


def run_spans(child: ChildRecord, kind: str, policy: Policy) -> list[tuple[int, int | None, int | None]]:
    """(crossed, firm, ended)"""
    rule = policy.runs[kind]
    found: list[tuple[int, int | None, int | None]] = []
    run: list[Told] = []
    for mark in [*(mark for mark in told(child) if mark.counts_as.possible), None]:
        if mark is not None and counts(child, rule, mark):
            run.append(mark)
            continue
        if len(run) >= rule.sessions:
            settled = [one.tick for one in run if one.code not in rule.unsettled_codes]
            firm = settled[rule.sessions - 1] if len(settled) >= rule.sessions else None
            found.append((run[rule.sessions - 1].tick, firm, None if mark is None else run[-1].tick))
        run = []
    return found


def tally_spans(child: ChildRecord, kind: str, policy: Policy) -> list[tuple[int, int, int, int | None, str | None]]:
    """(year, crossed, firm, ended, reason)"""
    rule = policy.tallies[kind]
    marks = told(child)
    years = sorted({year_of(date.fromordinal(mark.tick // 2)) for mark in marks})
    found = []
    for year in years:
        its = [mark for mark in marks if year_of(date.fromordinal(mark.tick // 2)) == year]
        ticks = [mark.tick for mark in its if counts(child, rule, mark)]
        if len(ticks) < rule.sessions:
            continue
        nth, last = ticks[rule.sessions - 1], [mark.tick for mark in its if mark.counts_as.possible][-1]
        found.append((year, nth, nth, last, "year_end") if year < years[-1] else (year, nth, nth, None, None))
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


def unit(tick: int, rule: Window) -> date:
    """The week of a session, by its Monday; or its day, where a window is of school days."""
    return date.fromordinal(tick // 2) if rule.reading == "school_days" else monday(tick)


def units(child: ChildRecord, calendar: dict[int, set[int]], rule: Window) -> dict[date, list[int]]:
    """The child's school weeks, or days, with the open sessions of each."""
    found: dict[date, list[int]] = {}
    for ticks in weeks(child, calendar).values():
        for tick in ticks:
            found.setdefault(unit(tick, rule), []).append(tick)
    return found


def window_of(every: list[date], last: date, rule: Window) -> list[date]:
    at = every.index(last)
    return every[max(at - (rule.days or rule.weeks) + 1, 0) : at + 1]


def countable(child: ChildRecord, every: list[date], rule: Window) -> list[Told]:
    first, last = compulsory(child.date_of_birth)
    return [
        mark
        for mark in told(child)
        if mark.code in rule.codes
        and (not rule.compulsory_age or first <= mark.tick <= last)
        and (not rule.spendable or mark.tick not in child.spent)
        and unit(mark.tick, rule) in every
    ]


def window_spans(child: ChildRecord, calendar: dict[int, set[int]], rule: Window):
    """(crossed, firm, ended)"""
    opens = units(child, calendar, rule)
    every = list(opens)
    sessions = countable(child, every, rule)
    marks = told(child)
    found = []
    is_open: list | None = None
    for last in every:
        window = window_of(every, last, rule)
        inside = [mark for mark in sessions if unit(mark.tick, rule) in window]
        settled = [mark for mark in inside if mark.code not in rule.unsettled_codes]
        if is_open is None and len(inside) >= rule.sessions:
            is_open = [inside[rule.sessions - 1].tick, None, None]
        if is_open is None:
            continue
        if is_open[1] is None and len(settled) >= rule.sessions:
            is_open[1] = settled[rule.sessions - 1].tick
        complete = any(unit(mark.tick, rule) > last for mark in marks)
        if complete and len(inside) < rule.sessions:
            found.append((*is_open[:2], opens[last][-1]))
            is_open = None
    if is_open is not None:
        found.append(tuple(is_open))
    return found


def best_window(child: ChildRecord, calendar: dict[int, set[int]], policy: Policy) -> tuple[int, date | None]:
    """How many sessions that are not spent the best window holds, and the Monday with whose week it ends."""
    mondays = list(weeks(child, calendar))
    left = [monday(mark.tick) for mark in countable(child, mondays, policy.penalty)]
    best: tuple[int, date | None] = (0, None)
    for mark in countable(child._replace(spent=frozenset()), mondays, policy.penalty):
        window = window_of(mondays, monday(mark.tick), policy.penalty)
        inside = sum(week in window for week in left)
        best = max(best, (inside, monday(mark.tick)), key=lambda b: (b[0], b[1] or date.min))
    return best
