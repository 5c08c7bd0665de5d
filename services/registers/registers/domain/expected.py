"""Registers that a school is expected to take (rule book 2.1, 2.3), and what became of them.

A register is expected of every open session for which somebody is on the roll. It is taken once enough of these pupils
have a mark, missing when that is not so some minutes after it closes, and late when it came after that was said.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal, NamedTuple

from common.academic import Session

from registers.domain.calendars import RegisterTime
from registers.domain.ledger import Facts
from registers.domain.policy import Closes, RegisterRule

Status = Literal["awaited", "taken", "late", "missing"]
Ended = Literal["received", "not-expected"]


class Place(NamedTuple):
    """A session at one school."""

    on: date
    session: Session


class Coverage(NamedTuple):
    """How many pupils have a mark that stands, and how many are expected to have one."""

    marked: int
    expected: int

    def is_taken(self, rule: RegisterRule) -> bool:
        """Whether these are the marks of a register; compared in integers."""
        return self.expected > 0 and self.marked * 100 >= self.expected * rule.taken_percent


class Missed(NamedTuple):
    """That a register was missing, and how that ended, if it has."""

    closes_at: datetime
    ended: Ended | None
    ended_at: datetime | None


class Known(NamedTuple):
    """What matters of a school: the open sessions that are looked at, and when their registers close; the registers
    that were missing; and how complete all these are. Of a session that is not open nobody is expected.
    """

    closes: Mapping[Place, datetime]
    missed: Mapping[Place, Missed]
    coverage: Mapping[Place, Coverage]


class Changes(NamedTuple):
    """What is to be kept: registers that are missing from now on, and those that are so no longer."""

    missing: Sequence[tuple[Place, datetime, Coverage]]
    ended: Sequence[tuple[Place, Ended, Coverage]]


def closing(lines: Iterable[RegisterTime], session: Session, default: Closes) -> time:
    """When the last register of a session closes: by the school's own times, or else by the default."""
    closes = [line.closes for line in lines if line.session == session]
    return max(closes) if closes else (default.morning if session is Session.AM else default.afternoon)


def is_over(closes_at: datetime, now: datetime, rule: RegisterRule) -> bool:
    """Whether a register that has not come by now is missing."""
    return closes_at + timedelta(minutes=rule.grace_minutes) <= now


def status(closes_at: datetime, coverage: Coverage, missed: Missed | None, now: datetime, rule: RegisterRule) -> Status:
    """What is to be said of an expected register now."""
    if coverage.is_taken(rule):
        return "taken" if missed is None or missed.ended == "not-expected" else "late"
    return "missing" if is_over(closes_at, now, rule) else "awaited"


def changes(known: Known, now: datetime, rule: RegisterRule) -> Changes:
    """Which registers are missing, and which are so no longer, where that is new."""
    missing: list[tuple[Place, datetime, Coverage]] = []
    ended: list[tuple[Place, Ended, Coverage]] = []
    for place in sorted({*known.closes, *known.missed}):
        coverage = known.coverage[place]
        said = known.missed.get(place)
        closes_at = known.closes.get(place)
        if said is not None and said.ended is None:
            if (end := _end(coverage, rule)) is not None:
                ended.append((place, end, coverage))
        elif closes_at is not None and _is_missing(closes_at, coverage, now, rule):
            missing.append((place, closes_at, coverage))
    return Changes(missing, ended)


def say(new: Changes, facts: Facts) -> None:
    """Notes in `facts` what is new."""
    facts.missing.extend(_missing(*one) for one in new.missing)
    facts.received.extend(_received(*one) for one in new.ended)


def taken(known: Known, rule: RegisterRule) -> set[Place]:
    """The sessions whose registers are there: they need not be looked at again."""
    return {place for place, coverage in known.coverage.items() if coverage.is_taken(rule)}


def _is_missing(closes_at: datetime, coverage: Coverage, now: datetime, rule: RegisterRule) -> bool:
    return coverage.expected > 0 and not coverage.is_taken(rule) and is_over(closes_at, now, rule)


def _end(coverage: Coverage, rule: RegisterRule) -> Ended | None:
    if coverage.expected == 0:
        return "not-expected"
    return "received" if coverage.is_taken(rule) else None


def _missing(place: Place, closes_at: datetime, coverage: Coverage) -> dict[str, object]:
    return {
        "date": place.on.isoformat(),
        "session": place.session.name,
        "closes_at": closes_at.isoformat(),
        "marked": coverage.marked,
        "expected": coverage.expected,
    }


def _received(place: Place, end: Ended, coverage: Coverage) -> dict[str, object]:
    return {
        "date": place.on.isoformat(),
        "session": place.session.name,
        "ended": end,
        "marked": coverage.marked,
        "expected": coverage.expected,
    }
