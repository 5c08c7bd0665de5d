"""Which sessions belong to a local authority: those of its schools, on the days on which they are its own.

A school that moves to another authority takes its past along to nobody: the sessions before the move stay with the
authority that it then had.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from common.academic import days_of

from absence_engine.domain.marks import within
from absence_engine.domain.records import Codes, Enrolment

Span = tuple[date, date]
"""First and last day, both inclusive."""


class Member(NamedTuple):
    """A school that is, or was, of an authority, and when."""

    phase: str
    spans: tuple[Span, ...]

    def has(self, stay: Enrolment) -> bool:
        """Whether some day of a stay lies in its time with the authority."""
        return any(stay.from_ <= last and (stay.to is None or stay.to >= first) for first, last in self.spans)

    def is_whole(self, year: int) -> bool:
        """Whether it is of the authority for all of an academic year."""
        return self.spans == (days_of(year),)


def in_year(members: Mapping[int, Member], year: int) -> dict[int, Member]:
    """The schools of an authority in an academic year, by URN, with their days in it."""
    start, end = days_of(year)
    found: dict[int, Member] = {}
    for urn, member in members.items():
        spans = [(max(first, start), min(last, end)) for first, last in member.spans]
        if kept := tuple((first, last) for first, last in spans if first <= last):
            found[urn] = Member(member.phase, kept)
    return found


def of_area(codes: Codes, year: int, stay: Enrolment, member: Member) -> Codes:
    """The marks of a stay on the days on which its school is of the authority."""
    parts = [
        within(codes, year, stay._replace(from_=max(stay.from_, first), to=min(stay.to or last, last)))
        for first, last in member.spans
    ]
    return sum(parts[1:], start=parts[0])
