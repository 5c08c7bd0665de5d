"""Every operation of the product, and of what it tells: a new one has no entry, and the test fails until it has.

An entry says whose rows the operation is about, whether it looks at each child (`by_child`), so that it is open to
clients that are limited to cohorts, and what it takes to be asked about a row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.contract.access.world import DAYS, Row


class About(Enum):
    """Whose rows an operation is about, which decides who gets what."""

    SCHOOL = "a school, or something of it that is named with it"
    CHILD = "a child, or something of it"
    THING = "something of a school that has an id of its own"
    MADE = "what a caller has made: nobody else finds it"
    AREA = "an authority: whoever sees one of its schools gets that part of it"
    WHOLE = "more than some schools: whoever is limited finds nothing"
    LIST = "whatever there is: whoever is limited gets a shorter list"
    SHARED = "nobody's rows"
    ADMIN = "agreements with clients"


Asked = Callable[[Row], Any]


def _nothing(row: Row) -> Any:
    return {}


@dataclass(frozen=True)
class Entry:
    """`body`: of the request about a row, in place of the document's example. `query`: its parameters. `changes`:
    asking for a row that is there would change it, so that only hidden and unknown ones are asked for.
    """

    about: About
    by_child: bool = False
    body: Asked | None = None
    query: Asked = _nothing
    changes: bool = False
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def entries(about: About, *names: str, **more: Any) -> dict[str, Entry]:
    return {name: Entry(about, **more) for name in names}


def since(row: Row) -> Any:
    return {"since": "2025-09-01T00:00:00Z"}


def school_totals(row: Row) -> Any:
    return {"school_urn": row.urn, "from": DAYS[0], "to": DAYS[-1], "possible": 10}


TABLE: dict[str, Entry] = {
    **entries(
        About.SCHOOL, "getSchool", "getSchoolAbsence", "listAbsenceNotices", "listAbsenceNoticeGaps",
        "getAbsenceNotice", "listAdmissions", "listAtRisk", "getCalendar", "listChanges", "getConnection",
        "listDataQuality",
        "listDeletions", "listSchoolFlags", "listFullTimeEntitlement", "listSchoolPatterns", "listQuarantine",
        "listExpectedRegisters", "getRegister", "getRoll", "getSync", "compareSync", "reconcileCounts",
    ),
    **entries(About.SCHOOL, "listChangedMarks", query=since),
    **entries(
        About.SCHOOL, "putSchool", "postAbsenceNotice", "putAbsenceNotice", "withdrawAbsenceNotice", "putCalendar",
        "putConnection", "convertSchool", "putPartTimeTimetables", "putRegister", "deleteMark", "putRoll", changes=True,
    ),
    **entries(
        About.CHILD, "getPupil", "getPupilAbsence", "getPupilContacts", "listEpisodes", "getPupilFlags",
        "listPupilMarks", "getProjection", "getEpisode", "getEpisodeEvidence", "askWhatIf", by_child=True,
    ),
    **entries(About.CHILD, "getPupilChanges", by_child=True, query=since),
    **entries(
        About.CHILD, "lookUpPupil", by_child=True, body=lambda row: {"school_urn": row.urn, "local_id": row.local_id}
    ),
    **entries(
        About.CHILD, "listPupilAbsenceNotices", "listIdentityChanges", "getPupilPatterns", "getSiblings",
        "getSocialWorkers",
    ),
    **entries(
        About.CHILD, "putPupilFlags", "mergePupil", "putPersonalTarget", "putSiblings", "putSocialWorkers",
        "splitPupil", changes=True,
    ),
    **entries(About.THING, "getCase", "getTask", "getLetter", "getLetterContent", "getReconciliation"),
    **entries(About.MADE, "getJob", "listJobErrors", "listJobResults"),
    **entries(About.THING, "completeTask", "ownTask", changes=True),
    **entries(About.THING, "postReconciliation", body=school_totals),
    **entries(About.THING, "postRegisterBatch", changes=True, query=lambda row: {"school_urn": row.urn}),
    **entries(About.AREA, "getAbsence", query=lambda row: {"la_code": row.la_code}),
    **entries(About.AREA, "listPolicies", query=lambda row: {"la_code": row.la_code}),
    **entries(About.AREA, "getPolicy", "listWork"),
    **entries(About.AREA, "putPolicy", "deletePolicy", "publishPolicy", "postSimulation", changes=True),
    **entries(About.WHOLE, "getAreaAbsence", "getSimulation"),
    **entries(About.WHOLE, "getDfeExport"),
    **entries(About.WHOLE, "listSimulatedPupils", query=lambda row: {"kind": "PA", "outcome": "would"}),
    **entries(
        About.LIST, "listCases", "listLetters", "listPartTimeTimetables", "listLateRegisters", "listSchools",
        "listSilentSchools", "listTasks",
    ),
    **entries(About.SHARED, "listAttendanceCodes", "listLeavingReasons", "listReasonDetails"),
    **entries(About.ADMIN, "listConsumers", "putConsumer", "getConsumer", "deleteConsumer"),
}  # fmt: skip
