"""Part-time timetables: a pupil attends a part of the week for a while, by a plan that is looked at again.

They end and are reviewed; one whose review is past and was not held is overdue. Its absences are C2 (rule book 1a).
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from registers.domain.flags import TIMETABLE, Span

PART_TIME = "PART_TIME_TIMETABLE"


class Plan(NamedTuple):
    """One part-time timetable, both dates inclusive; `agreed_by` are people, and stay in the registers service."""

    start: date
    end: date | None
    review_on: date
    reviewed_on: date | None
    agreed_by: list[str]

    def is_overdue(self, day: date) -> bool:
        """Whether it goes on, though its review is past and was not held."""
        goes_on = self.start <= day and (self.end is None or day <= self.end)
        return goes_on and self.review_on < day and (self.reviewed_on is None or self.reviewed_on < self.review_on)


def source(urn: int) -> str:
    """Under which name a school's timetables speak among the flags of a child."""
    return f"{TIMETABLE}-{urn}"


def as_flags(pupil_id: str, urn: int, plans: Iterable[Plan]) -> list[Span]:
    """The plans as flags of the child."""
    return [Span(pupil_id, source(urn), PART_TIME, plan.start, plan.end, urn) for plan in plans]


class SocialWorker(NamedTuple):
    """Who is a child's social worker from one day to another, both inclusive, and how to reach this person."""

    name: str
    email: str | None
    phone: str | None
    start: date
    end: date | None
