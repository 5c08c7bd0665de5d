"""What would mend a mark that waits in quarantine: the call to make, and the codes to choose from (rule book 1b).

A mark is never changed by us: whoever sent it decides. What is told here is the shortest way out, for a school's system
to show beside the mark.
"""

from collections.abc import Mapping
from datetime import date

import msgspec
from common.codes import Code

SUCCESSORS: dict[str, tuple[str, ...]] = {
    "J": ("J1",),
    "H": ("C", "G"),
    "F": ("H", "C", "G"),
    "Y": ("Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7"),
    "J1": ("J",),
    "C1": ("C",),
    "C2": ("C",),
    "K": ("B",),
    "Q": ("Y",),
    **dict.fromkeys(("Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7"), ("Y",)),
}
"""What a code became, or was, on the other side of the change of codes in August 2024; those in force on the day are
told. A holiday (H, F) is exceptional leave (C) or none was given (G): the school knows which.
"""


class Mend(msgspec.Struct, frozen=True):
    """What would mend a mark: a stable name, the operation to call (null: none is needed), a sentence, and the codes
    that would do where it is the code.
    """

    action: str
    operation: str | None
    detail: str
    codes: tuple[str, ...] = ()


_TAKE_BACK = "take the mark back by a deletion with its `source_version` or a higher one (0 or more where it has none)"
"""Without a version a deletion takes back what stands, and nothing stands here."""

MENDS: dict[str, Mend] = {
    "unknown-pupil": Mend(
        "send-roll-row", "putRoll", "Send the pupil's roll row with this key; the mark is applied at once."
    ),
    "no-mark": Mend("send-code", "putRegister", "Send the mark again with a code, once the register has been taken."),
    "unknown-code": Mend("use-other-code", "putRegister", "Send the mark again with a code of the national table."),
    "retired-code": Mend("use-other-code", "putRegister", "Send the mark again with a code in force on that day."),
    "future-date": Mend("wait", None, "Nothing to do: the mark is applied when its day comes."),
    "closed-session": Mend(
        "open-session",
        "putCalendar",
        "If the session took place for this pupil, list it in the calendar, with the pupil's year group where it names"
        f" some, and between the school's `opened_on` and `closed_on`; if not, {_TAKE_BACK}.",
    ),
    "not-enrolled": Mend(
        "correct-enrolment", "putRoll", "Send the pupil's roll row with an enrolment that covers this day."
    ),
}


def to_successor(successor: int, problem: str) -> Mend:
    """What would mend a mark that was sent to a school after another one took over its pupils. One of an unknown pupil
    is in no register that it could be taken out of: it stays without effect.
    """
    here = "leave this one" if problem == "unknown-pupil" else _TAKE_BACK.replace("the mark", "this one")
    detail = f"The school has closed; its successor is {successor}: send the mark there, and {here}."
    return Mend("send-to-successor", "putRegister", detail)


def mend(problem: str, code: str, on: date, table: Mapping[str, Code]) -> Mend:
    """What would mend a mark with this code on this day that waits because of `problem` (see `problems`)."""
    told = MENDS[problem]
    return msgspec.structs.replace(told, codes=codes_for(code, on, table)) if told.action == "use-other-code" else told


def codes_for(code: str, on: date, table: Mapping[str, Code]) -> tuple[str, ...]:
    """The codes that a wrong one probably means on a day, likeliest first; empty when we have no idea.

    Its successors; else the code as the national table writes it (`i` is I, a nought is O).
    """
    known = table.get(code)
    likely = SUCCESSORS.get(code, ()) if known is not None else (code.upper(), code.upper().replace("0", "O"))
    fits = [one for one in likely if one in table and table[one].in_force(on)]
    if not fits and known is None and code.upper() in table:  # a small letter of a code that has gone
        return codes_for(code.upper(), on, table)
    return tuple(dict.fromkeys(fits))
