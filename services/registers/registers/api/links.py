"""What may follow an answer of registers; the figures of its children and schools are the absence engine's."""

from common.web.links import Links, asked, told

ITEM_PUPIL = told(pupil_id="/items/0/pupil_id")
NOTICE = asked("urn") | told(notice_id="/notice_id")
ITEM_NOTICE = told(urn="/items/0/school_urn", notice_id="/items/0/notice_id")
ITEM_SESSION = told(date="/items/0/date", session="/items/0/session")

LINKS: Links = {
    "listSchools": {
        name: told(urn="/items/0/urn")
        for name in (
            "getSchool", "putSchool", "putCalendar", "putRoll", "getRoll", "listQuarantine", "listDataQuality",
            "listChanges", "getSchoolAbsence", "getSync", "compareSync", "reconcileCounts", "putConnection",
            "listAdmissions", "listDeletions", "convertSchool", "listExpectedRegisters", "listAbsenceNotices",
            "listAbsenceNoticeGaps", "postAbsenceNotice",
        )
    },
    "listConsumers": {
        name: told(client_id="/items/0/client_id") for name in ("getConsumer", "putConsumer", "deleteConsumer")
    },
    "putConsumer": {name: asked("client_id") for name in ("getConsumer", "deleteConsumer")},
    "putSchool": {name: asked("urn") for name in ("getSchool", "putCalendar", "putRoll", "listChanges")},
    "convertSchool": {"getRoll": told(urn="/successor_urn"), "getSchool": asked("urn"), "listQuarantine": asked("urn")},
    "putCalendar": {"getCalendar": asked("urn", "academic_year"), "putRoll": asked("urn")},
    "getCalendar": {"putRegister": asked("urn") | told(date="/days/0/date")},
    "putRoll": {
        "getRoll": asked("urn"),
        "listPupilMarks": told(pupil_id="/results/0/pupil_id"),
        "getPupilContacts": told(pupil_id="/results/0/pupil_id"),
        "getPupilAbsence": told(pupil_id="/results/0/pupil_id"),
    },
    "getRoll": dict.fromkeys(
        (
            "getPupil", "listPupilMarks", "getPupilContacts", "getPupilAbsence", "listEpisodes", "putPupilFlags",
            "putSiblings", "putSocialWorkers",
        ),
        ITEM_PUPIL,
    ) | {"putPartTimeTimetables": asked("urn") | ITEM_PUPIL},
    "putRegister": {
        "getRegister": asked("urn", "date", "session"),
        "deleteMark": asked("urn", "date", "session") | told(pupil_id="/marks/0/pupil_id"),
        "listPupilMarks": told(pupil_id="/marks/0/pupil_id"),
        "getPupilAbsence": told(pupil_id="/marks/0/pupil_id"),
        "listQuarantine": asked("urn"),
        "listChanges": asked("urn"),
    },
    "postRegisterBatch": {
        name: told(job_id="/job_id") for name in ("getJob", "listJobResults", "listJobErrors")
    },
    "getRegister": {
        "putRegister": asked("urn", "date", "session"),
        "deleteMark": asked("urn", "date", "session") | told(pupil_id="/marks/0/pupil_id"),
    },
    "deleteMark": {
        "getRegister": asked("urn", "date", "session"),
        "listPupilMarks": asked("pupil_id"),
        "getPupilAbsence": asked("pupil_id"),
    },
    "listQuarantine": {"putRegister": asked("urn") | ITEM_SESSION, "getRegister": asked("urn") | ITEM_SESSION},
    "listDataQuality": {"putRegister": asked("urn") | ITEM_SESSION, "listPupilMarks": ITEM_PUPIL},
    "getSync": {
        "getRegister": asked("urn") | told(date="/items/0/date", session="/items/0/sessions/0/session"),
        "compareSync": asked("urn"),
        "listQuarantine": asked("urn"),
    },
    "compareSync": {
        "putRegister": asked("urn") | told(session="/differences/0/session"),
        "listPupilMarks": told(pupil_id="/differences/0/pupil_id"),
    },
    "putConnection": {"getConnection": asked("urn")},
    "listSilentSchools": {name: told(urn="/items/0/school_urn") for name in ("getConnection", "getSync", "getSchool")},
    "listAdmissions": {"listPupilMarks": ITEM_PUPIL, "getPupilContacts": ITEM_PUPIL},
    "listDeletions": {"listPupilMarks": ITEM_PUPIL, "getPupilContacts": ITEM_PUPIL},
    "lookUpPupil": {
        name: told(pupil_id="/pupil_id")
        for name in ("getPupil", "listPupilMarks", "getPupilContacts", "getPupilAbsence", "listEpisodes")
    },
    "getPupil": dict.fromkeys(("mergePupil", "splitPupil", "listIdentityChanges", "listPupilMarks"), asked("pupil_id")),
    "mergePupil": {
        "getPupil": told(pupil_id="/pupil_id"),
        "splitPupil": told(pupil_id="/pupil_id"),
        "getPupilAbsence": told(pupil_id="/pupil_id"),
    },
    "splitPupil": {"getPupil": told(pupil_id="/other"), "getPupilAbsence": told(pupil_id="/other")},
    "listIdentityChanges": {"splitPupil": asked("pupil_id"), "getPupil": told(pupil_id="/items/0/other")},
    "putPupilFlags": {"getPupilFlags": asked("pupil_id"), "listSchoolFlags": told(urn="/school_urn")},
    "listSchoolFlags": dict.fromkeys(("putPupilFlags", "getPupilFlags", "getSiblings", "getSocialWorkers"), ITEM_PUPIL),
    "putSocialWorkers": {"getSocialWorkers": asked("pupil_id")},
    "putSiblings": {"getSiblings": asked("pupil_id")},
    "getSiblings": {"getSiblings": told(pupil_id="/siblings/0/pupil_id")},
    "listPartTimeTimetables": {"putPartTimeTimetables": told(urn="/items/0/school_urn") | ITEM_PUPIL},
    "postAbsenceNotice": dict.fromkeys(("getAbsenceNotice", "putAbsenceNotice", "withdrawAbsenceNotice"), NOTICE) | {
        "listPupilAbsenceNotices": told(pupil_id="/pupil_id"), "listAbsenceNotices": asked("urn"),
    },
    "getAbsenceNotice": dict.fromkeys(("putAbsenceNotice", "withdrawAbsenceNotice"), asked("urn", "notice_id")),
    "listAbsenceNotices": dict.fromkeys(
        ("getAbsenceNotice", "putAbsenceNotice", "withdrawAbsenceNotice"), ITEM_NOTICE
    ) | {"listPupilAbsenceNotices": ITEM_PUPIL, "listPupilMarks": ITEM_PUPIL},
    "listPupilAbsenceNotices": {"getAbsenceNotice": ITEM_NOTICE},
    "listAbsenceNoticeGaps": {"listPupilMarks": ITEM_PUPIL, "getPupilContacts": ITEM_PUPIL},
    "listPupilMarks": {
        "getRegister": told(urn="/items/0/school_urn") | ITEM_SESSION,
        "deleteMark": asked("pupil_id") | told(urn="/items/0/school_urn") | ITEM_SESSION,
    },
}  # fmt: skip
