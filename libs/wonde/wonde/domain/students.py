"""A student of Wonde as a row of Rollcall's roll, with the contacts.

Wonde knows less of a contact than Rollcall: no court orders, no fixed abode. What Rollcall has of these is carried
over, so that no row from here lets a letter go to somebody who must not get one (`guarded`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from wonde.domain.reading import Row, UnreadableError, as_rows, day, flag, included, needed, number, text

_EMPTY: Row = {}
_EARLY_YEARS = {"r": 0, "rec": 0, "reception": 0, "n2": -1, "n1": -2, "e2": -1, "e1": -2}
"""Years before the first, as year groups."""
_KINDS = (("guest", "guest"), ("subsid", "subsidiary"), ("main", "main"))
_LONGEST = 200
_MOST_CONTACTS = 50
_SEXES = {"female": "female", "f": "female", "male": "male", "m": "male"}


class Student(NamedTuple):
    """A row of the roll, under Wonde's id of the student, which is its `local_id`."""

    student_id: str
    body: dict[str, Any]


def read_student(row: Row) -> Student:
    """A student; UnreadableError without a name or the first day on the roll."""
    student_id = needed(row, "id")
    education = included(row, "education_details") or _EMPTY
    since, until = day(education, "admission_date"), day(education, "leaving_date")
    if since is None:
        raise UnreadableError("education_details.admission_date")
    if until is not None and until < since:
        raise UnreadableError("education_details.leaving_date")
    body: dict[str, Any] = {
        "local_id": student_id,
        "given_name": needed(row, "forename")[:_LONGEST],
        "family_name": needed(row, "surname")[:_LONGEST],
        "enrolment": {
            "from": since.isoformat(),
            "to": until.isoformat() if until else None,
            "kind": _kind(text(education, "enrolment_status")),
        },
    }
    if upn := text(education, "upn") or text(row, "upn"):
        body["upn"] = upn
    if born := day(row, "date_of_birth"):
        body["date_of_birth"] = born.isoformat()
    if sex := _SEXES.get((text(row, "gender") or "").lower()):
        body["sex"] = sex
    if (year := _year_group(row, education)) is not None:
        body["year_group"] = year
    if row.get("contacts") is not None:
        body["contacts"] = [found for contact in as_rows(row["contacts"]) if (found := _contact(contact))]
    return Student(student_id, body)


def without_unshared_contacts(students: Sequence[Student]) -> list[Student]:
    """The students as they are, unless nobody among them has any contact: then the school does not share contacts, and
    saying that there are none would take away those that Rollcall has.
    """
    if any(student.body.get("contacts") for student in students):
        return list(students)
    return [
        student._replace(body={name: value for name, value in student.body.items() if name != "contacts"})
        for student in students
    ]


def guarded(body: Mapping[str, Any], kept: Sequence[Mapping[str, Any]], urn: int) -> dict[str, Any]:
    """The row with what Rollcall has of its contacts at this school and Wonde does not say: who is barred, must not be
    written to, has no fixed abode or has care of the child. One who is barred stays also where Wonde has nobody.
    """
    if "contacts" not in body:
        return dict(body)
    ours = {contact["local_id"]: contact for contact in kept if contact["school_urn"] == urn}
    contacts: list[dict[str, Any]] = []
    for contact in body["contacts"]:
        before = ours.pop(contact["local_id"], None)
        contacts.append(contact if before is None else {**contact, **_guards(before, contact)})
    contacts += [
        {name: value for name, value in contact.items() if name not in ("contact_id", "school_urn", "parent_because")}
        for contact in ours.values()
        if contact.get("contact_barred")
    ]
    return {**body, "contacts": contacts[:_MOST_CONTACTS]}


def ended(pupil: Mapping[str, Any], student_id: str, last: date) -> list[dict[str, Any]]:
    """The rows that end a pupil's stays which go on after the last day; `pupil` as Rollcall's roll has it."""
    rows: list[dict[str, Any]] = []
    for stay in pupil["enrolments"]:
        if stay["to"] is not None and date.fromisoformat(stay["to"]) <= last:
            continue
        until = max(last, date.fromisoformat(stay["from"]))
        rows.append(
            {
                "local_id": student_id,
                "given_name": pupil["given_name"],
                "family_name": pupil["family_name"],
                "enrolment": {"from": stay["from"], "to": until.isoformat(), "kind": stay["kind"]},
            }
        )
    return rows


def _contact(row: Row) -> dict[str, Any] | None:
    """A contact; None for one without an id or a name, to whom nobody could write."""
    contact_id = text(row, "id")
    name = " ".join(part for key in ("title", "forename", "surname") if (part := text(row, key)))
    if contact_id is None or not name:
        return None
    relation = included(row, "relationship") or _EMPTY
    details = included(row, "contact_details") or _EMPTY
    wanted = flag(relation, "correspondence")
    phones, emails = included(details, "phones") or _EMPTY, included(details, "emails") or _EMPTY
    return {
        "local_id": contact_id,
        "name": name[:_LONGEST],
        "relationship": (text(relation, "relationship") or text(row, "relationship") or "")[:_LONGEST] or None,
        "parental_responsibility": flag(relation, "parental_responsibility") or False,
        "lives_with_pupil": flag(relation, "lives_with_pupil") or False,
        "priority": number(relation, "priority", 1000),
        "email": _first(emails, ("email", "primary", "home", "work")),
        "phone": _first(phones, ("phone", "primary", "mobile", "home", "work")),
        "address": _address(included(details, "addresses") or _EMPTY),
        **({} if wanted is None else {"do_not_contact": not wanted}),
    }


def _address(addresses: Row) -> dict[str, Any] | None:
    home = next((place for key in ("home", "postal", "work") if (place := included(addresses, key))), addresses)
    street = " ".join(part for key in ("house_number", "street") if (part := text(home, key)))
    lines = [text(home, "apartment"), text(home, "house_name"), street]
    lines += [text(home, key) for key in ("district", "town", "county")]
    said = [line[:320] for line in lines if line]
    return {"lines": said, "postcode": (text(home, "postcode") or "")[:16] or None} if said else None


def _first(row: Row, names: Iterable[str]) -> str | None:
    return next((value[:320] for name in names if (value := text(row, name))), None)


def _kind(said: str | None) -> str:
    words = (said or "").lower()
    return next((kind for word, kind in _KINDS if word in words), "single")


def _year_group(row: Row, education: Row) -> int | None:
    inner = included(row, "year")
    said = (text(inner, "code") if inner is not None else None) or text(education, "current_nc_year") or ""
    said = said.lower().removeprefix("year").strip()
    if said.isascii() and said.isdigit() and int(said[:3]) <= 14:
        return int(said[:3])
    return _EARLY_YEARS.get(said)


def _guards(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    names = ("contact_barred", "do_not_contact", "no_fixed_abode", "care_of_child")
    return {name: before[name] for name in names if before.get(name) and name not in now}
