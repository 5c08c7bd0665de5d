"""What a school's management information system says about a simulated authority: request bodies of the public API.

Schools, calendars and rolls before the year; on each school day the roll rows that change, one register for each
class and session as its teacher closes it, and the corrections that the office makes that day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from simulator.authority import Authority, Stay
from simulator.marks import CODES, NOT_CORRECTED
from simulator.people import Contact, Pupil

Body = dict[str, Any]

LONDON = ZoneInfo("Europe/London")
SESSIONS = ("AM", "PM")
_OPENS = (time(8, 45), time(13, 0))
_CLOSES_WITHIN_MINUTES = 30
# A school's office corrects after the afternoon's registers.
_OFFICE_HOUR = time(15, 40)
_SETTLED_BECAUSE = {
    "I": "Parent telephoned: ill",
    "M": "Appointment card seen",
    "G": "Holiday without leave confirmed",
    "O": "No reason given after enquiries",
    "E": "Suspension recorded",
    "/": "Was in class: overlooked when the register was taken",
    "\\": "Was in class: overlooked when the register was taken",
    "L": "Arrived before the register closed",
}
_OTHERWISE = "Reason established with the family"


@dataclass(frozen=True, slots=True)
class Register:
    """One `PUT` of marks: whose, of which session, and the body without its version, which the sender counts."""

    urn: int
    date: date
    session: str
    body: Body

    @property
    def path(self) -> str:
        return f"/v1/schools/{self.urn}/registers/{self.date.isoformat()}/{self.session}"


class Mis:
    """All schools' systems of one authority, asked for one school day after the other."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._by_room: dict[int, list[Stay]] = {}
        self._by_pupil: dict[int, list[Stay]] = {}
        for stay in authority.stays:
            self._by_room.setdefault(stay.room, []).append(stay)
            self._by_pupil.setdefault(stay.pupil, []).append(stay)
        pupil, session = np.nonzero(authority.marks.settled != NOT_CORRECTED)
        on = authority.marks.settled[pupil, session]
        order = np.argsort(on, kind="stable")
        self._settled = on[order], pupil[order], session[order]

    def schools(self) -> Iterator[tuple[int, Body]]:
        """URN and body of every school."""
        for school in self.authority.schools:
            yield (
                school.urn,
                {
                    "name": school.name,
                    "la_code": self.authority.figures.la_code,
                    "laestab": school.laestab,
                    "phase": school.phase,
                },
            )

    def calendar(self) -> Body:
        """The calendar of the year, the same at every school."""
        return {"days": [{"date": day.date.isoformat(), "sessions": list(SESSIONS)} for day in self.authority.days]}

    def roll(self, school: int) -> Body:
        """A school's roll as the year begins: pupils who come later are not on it, those who leave have no end yet."""
        stays = [stay for stay in self.authority.stays if stay.school == school and stay.first == 0]
        return {"pupils": [self._roll_row(stay, None) for stay in stays], "complete": False}

    def moves(self, day: int) -> Iterator[tuple[int, Body]]:
        """URN and roll rows that change on a school day: who has left since the day before, who arrives."""
        for stay in self.authority.stays:
            leaves, arrives = stay.until is not None and stay.last == day - 1, stay.first == day and day > 0
            if leaves or arrives:
                row = self._roll_row(stay, stay.until if leaves else None)
                yield self.authority.schools[stay.school].urn, {"pupils": [row], "complete": False}

    def registers(self, day: int, session: int) -> Iterator[Register]:
        """The registers of one session, class by class in the order in which their teachers close them."""
        order = np.random.default_rng((day, session)).permutation(
            sum(len(school.rooms) for school in self.authority.schools)
        )
        rooms = [(school.urn, room) for school in self.authority.schools for room, _ in school.rooms]
        for place, number in enumerate(order.tolist()):
            urn, room = rooms[number]
            marks = [
                self._first_mark(stay, day, session)
                for stay in self._by_room.get(room, ())
                if stay.first <= day <= stay.last
            ]
            if marks:
                minutes = 10 + _CLOSES_WITHIN_MINUTES * place / len(order)
                yield self._register(
                    urn, day, session, marks, _at(self._date(day), _OPENS[session], minutes), f"T{room:03d}"
                )

    def corrections(self, day: int) -> Iterator[Register]:
        """What the offices put right on a school day, by school and session, oldest first."""
        on, pupils, sessions = self._settled
        first, last = np.searchsorted(on, [day, day + 1])
        changed: dict[tuple[int, int], list[Body]] = {}
        for pupil, place in sorted(
            zip(pupils[first:last].tolist(), sessions[first:last].tolist(), strict=True), key=lambda pair: pair[1]
        ):
            stay = self._attending(pupil, place // 2)
            if stay is not None:
                code = CODES[self.authority.marks.final[pupil, place]]
                reason = _SETTLED_BECAUSE.get(code, _OTHERWISE)
                mark = {**self._mark(stay, code, place), "reason": reason, "amended_by": "Attendance officer"}
                changed.setdefault((self.authority.schools[stay.school].urn, place), []).append(mark)
        taken_at = _at(self._date(day), _OFFICE_HOUR, 0)
        for (urn, place), marks in changed.items():
            yield self._register(urn, place // 2, place % 2, marks, taken_at, "Attendance officer")

    def _register(
        self, urn: int, day: int, session: int, marks: Sequence[Body], taken_at: datetime, taken_by: str
    ) -> Register:
        body = {"taken_at": taken_at.isoformat(), "taken_by": taken_by, "marks": list(marks)}
        return Register(urn, self._date(day), SESSIONS[session], body)

    def _date(self, day: int) -> date:
        return self.authority.days[day].date

    def _attends(self, stay: Stay, day: int) -> bool:
        return stay.first <= day <= stay.last and self._date(day).weekday() in stay.weekdays

    def _attending(self, pupil: int, day: int) -> Stay | None:
        return next((stay for stay in self._by_pupil[pupil] if self._attends(stay, day)), None)

    def _first_mark(self, stay: Stay, day: int, session: int) -> Body:
        place = 2 * day + session
        code = CODES[self.authority.marks.first[stay.pupil, place]] if self._attends(stay, day) else "D"
        return self._mark(stay, code, place)

    def _mark(self, stay: Stay, code: str, place: int) -> Body:
        mark: Body = {"local_id": stay.local_id, "code": code}
        if code in ("L", "U"):
            # Before the register closes, or after it; the same minutes whenever the same mark is said again.
            minutes = 1 + (stay.pupil * 7 + place * 13) % 29
            mark["minutes_late"] = minutes if code == "L" else 30 + minutes
        return mark

    def _roll_row(self, stay: Stay, until: date | None) -> Body:
        pupil = self.authority.pupils[stay.pupil]
        enrolment = {"from": stay.since.isoformat(), "to": until and until.isoformat(), "kind": stay.kind}
        return {"local_id": stay.local_id, **_pupil_body(pupil), "enrolment": enrolment}


def _pupil_body(pupil: Pupil) -> Body:
    return {
        "upn": pupil.upn,
        "given_name": pupil.given_name,
        "family_name": pupil.family_name,
        "date_of_birth": pupil.date_of_birth.isoformat(),
        "year_group": pupil.year_group,
        "flags": list(pupil.flags),
        "contacts": [_contact_body(contact) for contact in pupil.contacts],
    }


def _contact_body(contact: Contact) -> Body:
    return {
        "local_id": contact.local_id,
        "name": contact.name,
        "relationship": contact.relationship,
        "parental_responsibility": contact.parental_responsibility,
        "lives_with_pupil": contact.lives_with_pupil,
        "priority": contact.priority,
        "email": contact.email,
        "phone": contact.phone,
        "address": {"lines": list(contact.lines), "postcode": contact.postcode},
        "language": contact.language,
        "do_not_contact": contact.do_not_contact,
    }


def _at(day: date, opens: time, minutes: float) -> datetime:
    return (datetime.combine(day, opens, LONDON) + timedelta(minutes=minutes)).replace(microsecond=0)
