"""What may follow an answer of the absence engine: from many children to one, from a figure to its explanation."""

from common.web.links import Links, asked, told

LINKS: Links = {
    "getSchoolAbsence": {
        "listSchoolPatterns": told(urn="/school_urn"),
        "listChangedMarks": told(urn="/school_urn"),
        "getPupilAbsence": told(pupil_id="/items/0/pupil_id"),
        "listEpisodes": told(pupil_id="/items/0/pupil_id"),
    },
    "getPupilChanges": {
        "getPupilAbsence": told(pupil_id="/pupil_id"),
        "getEpisode": told(episode_id="/episodes/0/episode_id"),
    },
    "listChangedMarks": {"getPupilChanges": told(pupil_id="/items/0/pupil_id")},
    "listWork": {
        "getEpisode": told(episode_id="/items/0/episode_id"),
        "getProjection": told(pupil_id="/items/0/pupil_id"),
        "listAtRisk": told(urn="/items/0/school_urn"),
    },
    "listAtRisk": {
        "getPupilAbsence": told(pupil_id="/items/0/pupil_id"),
        "getProjection": told(pupil_id="/items/0/pupil_id"),
    },
    "listFullTimeEntitlement": {"getPupilAbsence": told(pupil_id="/items/0/pupil_id")},
    "getPupilAbsence": {
        "getPupilPatterns": asked("pupil_id"),
        "getProjection": asked("pupil_id"),
        "askWhatIf": asked("pupil_id"),
        "putPersonalTarget": asked("pupil_id"),
        "getPupilChanges": asked("pupil_id"),
        "listEpisodes": asked("pupil_id"),
        "getSchoolAbsence": told(urn="/enrolments/0/school_urn"),
        "listFullTimeEntitlement": told(urn="/enrolments/0/school_urn"),
        "listTasks": asked("pupil_id"),
        "listLetters": asked("pupil_id"),
    },
    "getPupilPatterns": {"getPupilAbsence": asked("pupil_id"), "listEpisodes": asked("pupil_id")},
    "listSchoolPatterns": {
        "getPupilPatterns": told(pupil_id="/items/0/pupil_id"),
        "getPupilAbsence": told(pupil_id="/items/0/pupil_id"),
    },
    "postReconciliation": {"getReconciliation": told(reconciliation_id="/reconciliation_id")},
    "getReconciliation": {"getSchoolAbsence": told(urn="/rows/0/school_urn")},
    "listPolicies": {"getPolicy": told(la_code="/items/0/la_code", version="/items/0/version")},
    "getPolicy": {"putPolicy": asked("la_code", "version")},
    "putPolicy": {
        "getPolicy": asked("la_code", "version"),
        "publishPolicy": asked("la_code", "version"),
        "postSimulation": asked("la_code", "version"),
        "deletePolicy": asked("la_code", "version"),
    },
    "publishPolicy": {"getPolicy": asked("la_code", "version")},
    "postSimulation": {"getSimulation": told(simulation_id="/simulation_id")},
    "getSimulation": {"listSimulatedPupils": asked("simulation_id") | told(kind="/kinds/0/kind")},
    "listSimulatedPupils": {"listEpisodes": told(pupil_id="/items/0/pupil_id")},
    "listEpisodes": {"getEpisode": told(episode_id="/items/0/episode_id")},
    "getEpisode": {
        "getEpisodeEvidence": asked("episode_id"),
        "getPupilAbsence": told(pupil_id="/pupil_id"),
        "listTasks": told(pupil_id="/pupil_id"),
    },
    "getEpisodeEvidence": {"getEpisode": asked("episode_id")},
}
