"""The roll of one school: students with their contacts, and who has left.

Between two whole readings a day, only students who were changed are read. A changed contact does not change its
student, so any news of a contact has the roll read whole.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from wonde.api import WondeError
from wonde.domain.reading import Row, UnreadableError, needed
from wonde.domain.students import Student, ended, guarded, read_student, without_unshared_contacts
from wonde.visit import Visit

INCLUDES = "education_details,year,contacts,contacts.contact_details"
ROWS = 500
_GONE = 404


async def send_students(visit: Visit, whole: bool) -> None:
    """Sends the students whose row is news, and notes when the roll was read whole last."""
    school, state = visit.school, visit.state
    whole = (
        whole
        or state.prints(school, "day").get("students") != visit.today.isoformat()
        or await _contacts_changed(visit)
    )
    if whole:
        state.forget(school, "students")
        visit.report.counts["rolls_read_whole"] += 1
    async for students in visit.read("students", read_student, {"include": INCLUDES}, batch=ROWS):
        await _send(visit, "student", without_unshared_contacts(students))
    if whole and (began := state.cursor(school, "students")) is not None:
        state.move(school, "contacts", began)


async def send_leavers(visit: Visit) -> None:
    """Ends the stays of those who have left since the first day whose attendance is sent."""
    since = datetime.combine(visit.since, time(), UTC)
    query = {"include": "education_details,year"}
    async for leavers in visit.read_if_shared("students-leaver", _read_leaver, query, since):
        recent = [one for one in leavers if one.body["enrolment"]["to"] >= visit.since.isoformat()]
        await _send(visit, "leaver", recent)


async def end_stays(visit: Visit) -> None:
    """Ends the stays of those whose record was deleted, once Wonde says that there is no such student."""
    for student, last in visit.state.leavers(visit.school).items():
        try:
            await visit.wonde.one(visit.path(f"students/{student}"), visit.report.tally)
            visit.state.stays(visit.school, student)
            continue
        except WondeError as error:
            if error.status != _GONE:
                raise
        pupil = (await visit.pupils()).get(student)
        if pupil is not None and not _goes_by_another_id(visit, pupil, student):
            if rows := ended(pupil, student, last):
                answer = await visit.api.put(f"/v1/schools/{visit.link.urn}/roll", {"pupils": rows})
                _count(visit, "student", answer["results"])
            visit.report.counts["stays_ended"] += len(rows)
            visit.forget_pupils()
        visit.state.left(visit.school, student)


def _goes_by_another_id(visit: Visit, pupil: Mapping[str, Any], student: str) -> bool:
    """Whether Wonde has the child under another record, too: schools delete doubles."""
    known = visit.state.prints(visit.school, "student")
    return any(name in known for name in pupil["local_ids"] if name != student)


async def _contacts_changed(visit: Visit) -> bool:
    if visit.state.cursor(visit.school, "contacts") is None:
        return False
    found = False
    async for contacts in visit.read_if_shared("contacts", lambda row: needed(row, "id")):
        found = found or bool(contacts)
    return found


def _read_leaver(row: Row) -> Student:
    student = read_student(row)
    if student.body["enrolment"]["to"] is None:
        raise UnreadableError("education_details.leaving_date")
    student.body.pop("contacts", None)
    return student


async def _send(visit: Visit, kind: str, students: Sequence[Student]) -> None:
    """Sends rows that differ from what was acknowledged; what Rollcall refuses is tried again when it is read again."""
    known = visit.state.prints(visit.school, kind)
    prints = {student.student_id: _print(student.body) for student in students}
    news = [student for student in students if known.get(student.student_id) != prints[student.student_id]]
    visit.report.counts["students_read"] += len(students)
    for first in range(0, len(news), ROWS):
        part = news[first : first + ROWS]
        rows = [await _guarded(visit, student) for student in part]
        answer = await visit.api.put(f"/v1/schools/{visit.link.urn}/roll", {"pupils": rows})
        taken = _count(visit, kind, answer["results"])
        visit.state.keep_prints(visit.school, kind, {item: prints[item] for item in taken})
    if news:
        visit.forget_pupils()


async def _guarded(visit: Visit, student: Student) -> dict[str, Any]:
    pupils = await visit.pupils()
    pupil = pupils.get(student.student_id) or pupils.get(student.body.get("upn", ""))
    if pupil is None or "contacts" not in student.body:
        return student.body
    kept = await visit.api.get(f"/v1/pupils/{pupil['pupil_id']}/contacts")
    return guarded(student.body, kept["contacts"], visit.link.urn)


def _count(visit: Visit, kind: str, results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Counts Rollcall's answers to rows; the ids of those that were taken."""
    taken: list[str] = []
    for result in results:
        visit.report.counts[f"{kind}s_{result['status']}"] += 1
        if result["status"] == "rejected":
            visit.report.reject(kind, result["local_id"], result["problem"]["code"])
        else:
            taken.append(result["local_id"])
    return taken


def _print(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
