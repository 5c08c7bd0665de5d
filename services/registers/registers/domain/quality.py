"""What is doubtful in a school's data: nothing here keeps a mark from standing, and all of it can be mended.

Each kind has a sentence and what would mend it, in the words of `mending`.
"""

from typing import NamedTuple

from registers.domain.mending import Mend


class Kind(NamedTuple):
    """One kind of doubt: what it is, and what would mend it."""

    detail: str
    mend: Mend


KINDS: dict[str, Kind] = {
    "correction-without-reason": Kind(
        "A mark was corrected without a reason, or without the person who did so (rule book 2.8).",
        Mend("explain", "putRegister", "Send the mark again with `reason` and `amended_by`."),
    ),
    "arrival-disagrees": Kind(
        "The time of arrival does not go with the code: L is for those who come before the register closes, U for "
        "those who come after it (2.4), and no other absence has an arrival.",
        Mend(
            "use-other-code", "putRegister", "Send the mark again with the code that goes with the time, or without it."
        ),
    ),
    "two-schools-marked": Kind(
        "Another school has a mark for the same session, and neither is D: each counts its own, and the child's total "
        "takes one of them (12.9).",
        Mend("use-other-code", "putRegister", "The school where the pupil was not sends D.", ("D",)),
    ),
    "unknown-reason-detail": Kind(
        "The mark names a `reason_detail` that is not in the list.",
        Mend("explain", "putRegister", "Send the mark again with codes of `/v1/reference/reason-details`."),
    ),
    "year-group-exception": Kind(
        "The pupil is taught in another year group than that of the age on 31 August (8.8): it may be meant so.",
        Mend(
            "check-roll", "putRoll", "If it is not meant so, send the roll row with the right year group or birth date."
        ),
    ),
    "register-open-too-long": Kind(
        "By the calendar's times a register stays open for more than 30 minutes (2.3).",
        Mend("correct-times", "putCalendar", "Send the calendar again with times of at most 30 minutes."),
    ),
    "register-times-differ": Kind(
        "By the calendar's times registers stay open for longer in one session than in another; they should be open "
        "for the same time in every session (2.3).",
        Mend("correct-times", "putCalendar", "Send the calendar again with times of one length."),
    ),
}
