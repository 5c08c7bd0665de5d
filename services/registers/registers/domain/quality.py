"""What is doubtful in a school's data: nothing here keeps a mark from standing, and all of it can be mended.

Each kind has a sentence and what would mend it, in the words of `mending`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from registers.domain.mending import Mend

YOUNGEST, OLDEST = 2, 25
"""Years of age at which an enrolment begins without anybody wondering: from nursery to the end of an EHC plan."""


class Kind(NamedTuple):
    """One kind of doubt: what it is, and what would mend it."""

    detail: str
    mend: Mend


KINDS: dict[str, Kind] = {
    "correction-without-reason": Kind(
        "A mark was corrected without a reason, or without the person who did so.",
        Mend("explain", "putRegister", "Send the mark again with `reason` and `amended_by`."),
    ),
    "arrival-disagrees": Kind(
        "The time of arrival does not go with the code: L is for those who come before the register closes, U for "
        "those who come after it, and no other absence has an arrival.",
        Mend(
            "use-other-code", "putRegister", "Send the mark again with the code that goes with the time, or without it."
        ),
    ),
    "two-schools-marked": Kind(
        "Another school has a mark for the same session, and neither is D: each counts its own, and the child's total "
        "takes one of them.",
        Mend("use-other-code", "putRegister", "The school where the pupil was not sends D.", ("D",)),
    ),
    "unknown-reason-detail": Kind(
        "The mark names a `reason_detail` that is not in the list.",
        Mend("explain", "putRegister", "Send the mark again with codes of `/v1/reference/reason-details`."),
    ),
    "notice-to-judge": Kind(
        "The reason is not established, but a parent's notice covers the session: it waits to be judged.",
        Mend("use-other-code", "putRegister", "Send the mark again with the code that the notice's reason deserves."),
    ),
    "present-though-announced": Kind(
        "A parent announced an absence, but the pupil was marked as seen: either may be wrong, and one of them may be "
        "about another child.",
        Mend("check-notice", "putAbsenceNotice", "Ask; then correct or withdraw the notice, or send the right mark."),
    ),
    "year-group-exception": Kind(
        "The pupil is taught in another year group than that of the age on 31 August: it may be meant so.",
        Mend(
            "check-roll", "putRoll", "If it is not meant so, send the roll row with the right year group or birth date."
        ),
    ),
    "unlikely-age": Kind(
        f"The pupil is under {YOUNGEST} or over {OLDEST} when the enrolment begins.",
        Mend("check-roll", "putRoll", "Send the roll row with the right date of birth or beginning of the enrolment."),
    ),
    "register-open-too-long": Kind(
        "By the calendar's times a register stays open for more than 30 minutes.",
        Mend("correct-times", "putCalendar", "Send the calendar again with times of at most 30 minutes."),
    ),
    "register-times-differ": Kind(
        "By the calendar's times registers stay open for longer in one session than in another; they should be open "
        "for the same time in every session.",
        Mend("correct-times", "putCalendar", "Send the calendar again with times of one length."),
    ),
}

FIRST_SPAN = timedelta(days=7)


def spans(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from `first` to `last` in spans, both dates inclusive: a week, then each as long as two of the last."""
    length = FIRST_SPAN
    while first <= last:
        end = min(first + length - timedelta(days=1), last)
        yield first, end
        first, length = end + timedelta(days=1), length * 2
