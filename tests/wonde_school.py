"""A fictional school behind Wonde, and what its office does: rows as Wonde's documents show them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.wonde_server import Row, Wonde, on, stamp

CODES = {"/": "Present (AM)", "\\": "Present (PM)", "O": "Unauthorised", "I": "Illness", "L": "Late", "M": "Medical",
         "N": "No reason yet", "-": "No mark", "7": "Work at home"}  # fmt: skip
SINCE = "2025-09-01"


@dataclass
class School:
    """One school of the API; every change is stamped with the API's clock, which then moves on by a second."""

    wonde: Wonde
    wonde_id: str
    urn: int
    records: int = 0

    def open(self) -> "School":
        self.wonde.schools[self.wonde_id] = {
            "id": self.wonde_id, "name": f"Elm {self.urn}", "urn": self.urn, "la_code": "330",
            "establishment_number": f"{self.urn % 10000:04d}", "phase_of_education": "PRIMARY", "mis": "SIMS",
            "region": {"code": "GBR", "domain": "api.wonde.com"},
        }  # fmt: skip
        for letter, description in CODES.items():
            self.rows("attendance-codes").append(
                {
                    "id": self.code(letter),
                    "code": letter,
                    "description": description,
                    "type": "ANY",
                    "updated_at": stamp(self.wonde.now - timedelta(days=300)),
                }
            )
        return self

    def rows(self, resource: str) -> list[Row]:
        return self.wonde.rows(self.wonde_id, resource)

    def code(self, letter: str) -> str:
        return f"C{self.urn}x{ord(letter)}"

    def tick(self) -> Row:
        self.wonde.now += timedelta(seconds=1)
        return stamp(self.wonde.now)

    def student(self, number: int, **changes: Any) -> str:
        """Takes a child in, with one contact."""
        student_id = f"A{self.urn}{number:03d}"
        self.rows("students").append({
            "id": student_id, "upi": "x", "mis_id": str(number), "forename": f"Given{number}",
            "surname": f"Family{number}", "gender": "FEMALE", "date_of_birth": on("2015-03-09"),
            "year": {"data": {"id": "y", "code": "6", "name": "Year 6"}},
            "education_details": {"data": {"admission_date": on(SINCE), "leaving_date": None, "upn": None,
                                           "enrolment_status": "Single Registration"}},
            "contacts": {"data": [self.contact(number)]}, "created_at": self.tick(), "updated_at": self.tick(),
        } | changes)  # fmt: skip
        return student_id

    def contact(self, number: int, **relation: Any) -> Row:
        return {
            "id": f"K{self.urn}{number:03d}", "title": "Ms", "forename": f"Parent{number}", "surname": "Family",
            "relationship": {"data": {"relationship": "Mother", "parental_responsibility": True, "priority": 1,
                                      "lives_with_pupil": True, "correspondence": True} | relation},
            "contact_details": {"data": {
                "emails": {"email": f"parent{number}@example.org", "primary": None},
                "phones": {"phone": "0161 496 0000", "mobile": None},
                "addresses": {"home": {"house_number": "1", "street": "High Street", "town": "Elmton",
                                       "postcode": "M1 1AA"}},
            }},
            "updated_at": stamp(self.wonde.now),
        }  # fmt: skip

    def mark(self, student_id: str, day: str, session: str, letter: str, **changes: Any) -> str:
        """Enters a mark; the id of its record."""
        self.records += 1
        record_id = f"R{self.records:05d}{self.urn}"
        self.rows("attendance/session").append({
            "id": record_id, "date": on(day), "session": session, "comment": None, "minutes_late": None,
            "student": {"data": {"id": student_id}}, "attendance_code": {"data": {"id": self.code(letter)}},
            "created_at": stamp(self.wonde.now), "updated_at": self.tick(),
        } | changes)  # fmt: skip
        return record_id

    def amend(self, record_id: str, letter: str, **changes: Any) -> None:
        row = self.wonde.find(self.wonde_id, "attendance/session", record_id)
        row |= {"attendance_code": {"data": {"id": self.code(letter)}}, "updated_at": self.tick()} | changes

    def delete(self, resource: str, item: str, kind: str) -> None:
        self.rows(resource).remove(self.wonde.find(self.wonde_id, resource, item))
        self.rows("deletions").append({"id": item, "type": kind, "deleted_at": self.tick(), "restored_at": None})


def wonde_at(now: datetime) -> Wonde:
    """An empty API at a time."""
    return Wonde(now=now)
