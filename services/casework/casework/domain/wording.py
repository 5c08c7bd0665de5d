"""The plain words of reasons and timelines: no names, no codes that only a programmer knows."""

from collections.abc import Sequence
from datetime import date

from casework.domain.values import Episode

EPISODES = {
    "PA": "Persistent absence",
    "SA": "Severe absence",
    "PN_10_IN_10": "Ten unauthorised sessions within ten school weeks",
    "CONTINUOUS_10": "Ten school days in a row of unauthorised absence",
    "CONTINUOUS_20": "Twenty school days in a row of unauthorised absence",
    "SICKNESS_15": "Fifteen school days of illness in a year",
    "UNEXPLAINED": "Unexplained absence of a child who is known to social care",
}

TASKS = {
    "support_review": "Support review",
    "multi_agency_plan": "Multi-agency plan",
    "consider_notice": "Consideration of a penalty notice",
    "attendance_return": "Attendance return",
    "joint_enquiry": "Joint enquiry where a child is",
    "sickness_return": "Sickness return",
    "inform_social_worker": "Call to the social worker",
    "already_sent": "Follow-up of a letter that had already left",
    "check_sending": "Check whether a letter has left",
    "establish_reason": "Establish why a pupil was absent",
    "check_recipient": "Check whom a letter can go to",
}

LETTERS = {
    "persistent_absence": "persistent absence",
    "severe_absence": "severe absence",
    "penalty_threshold": "unauthorised absence",
}

NEEDED = {
    "support_review": "Review with the family what support would help.",
    "multi_agency_plan": "Agree a joint plan with all services that work with the family.",
    "consider_notice": "Consider whether a penalty notice can and should be issued; support comes first.",
    "attendance_return": "Send the attendance return to the local authority.",
    "joint_enquiry": (
        "Find out together with the local authority where the child is; the length of an absence alone is no ground "
        "for taking a name off the roll."
    ),
    "sickness_return": "Send the sickness return to the local authority, and see what education the child needs.",
    "inform_social_worker": "Tell the child's social worker, and a youth justice worker if there is one.",
}

NOTICE = "consider_notice"
SETTLE_N = "Code N is among the sessions: N must be settled first, before a notice can be considered."
GONE = "No longer needed: the register marks as now known do not support this step."
REPLACED = "No longer needed: the authority's policy asks for another step."
OVERTAKEN = (
    "A letter had already left, or was leaving, when its reason went: decide what to tell the family. "
    "No second letter is sent by itself."
)
RECIPIENT_CHECKED = "No longer needed: the letter has a recipient, or its reason is over."
UNSURE = "It cannot be known whether this letter left: find out before anything is sent again."
WITHHELD = {
    "barred": "A court order keeps its recipient from contact: a letter was not sent, and none may be.",
    "gone": "The school no longer names its recipient: a letter was not sent. Find out who should have it.",
    "no-address": "No address reaches its recipient: a letter was not sent. Find out how to reach the family.",
    "nobody": "Nobody among the child's contacts may be written to: no letter was sent. Find out who should have it.",
    "perhaps-barred": (
        "A court order keeps somebody from contact who may be its recipient: a letter was not sent. "
        "Find out whether they are one person."
    ),
    "not-to-be-written-to": "The school says that its recipient is not to be written to: a letter was not sent.",
}


REASON_SETTLED = "Settled: the register no longer has code N."


def reason_wanted(on: date, sessions: Sequence[str], overdue: bool) -> str:
    """Why a task about marks N is there, and what to do."""
    which = " and ".join(sessions)
    if overdue:
        return (
            f"The register has code N for {on} ({which}), and the fifth school day after it has come: "
            "enter the reason, or code O if it cannot be established."
        )
    return f"The register has code N for {on} ({which}): establish the reason, and amend the register."


def spoken(names: dict[str, str], kind: str) -> str:
    """The words for a kind; a kind that has none yet is said by its code, with spaces."""
    return names.get(kind, kind.replace("_", " "))


def withheld(why: str) -> str:
    """Why a letter goes to nobody, and what to do; a reason that has no words yet is said by its code."""
    return WITHHELD.get(why, f"A letter was not sent: {why.replace('-', ' ')}.")


def reason(task_kind: str, episode: Episode) -> str:
    """Why a task about an episode is there, and what to do; says that N must be settled first where it must (12.1)."""
    words = [episode.sentence, NEEDED.get(task_kind, "")]
    if episode.provisional and task_kind == NOTICE:
        words.append(SETTLE_N)
    return " ".join(word for word in words if word)


def happened(episode: Episode, what: str) -> str:
    """The timeline's words for what an event says of an episode; `what` is crossed, changed, ended or reversed."""
    name = spoken(EPISODES, episode.kind)
    firmness = ", provisionally" if episode.provisional else ""
    return {
        "crossed": f"{name}: threshold crossed on {episode.crossed_on}{firmness}.",
        "changed": f"{name}: still stands{firmness}; crossed on {episode.crossed_on}.",
        "ended": f"{name}: ended.",
        "reversed": f"{name}: reversed, the marks as now known never crossed.",
    }[what]
