"""A school's ledger, entry by entry, into what it says: the last fact about each thing wins.

An entry is the published event as it is kept: a CloudEvent whose `data` has the fact. `Ledger` also checks what every
ledger must be: numbered 1, 2, 3, … without a gap, each entry naming the one before it and the last of its write.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from audit.child import Enrolment, Session, year_of

PREFIX = "uk.rollcall.registers."


@dataclass(frozen=True)
class Facts:
    """What is known of a child beside its enrolments; the highest version wins, whichever school told it."""

    version: int
    date_of_birth: date | None
    year_group: int | None
    flags: tuple[str, ...]
    flag_spans: frozenset[tuple[str, str, str | None, str]] = frozenset()
    households: frozenset[tuple[str, str | None, str | None]] = frozenset()
    not_siblings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """An entry as the ledger's table has it."""

    number: int
    entry_id: str
    type: str
    write_last: int
    body: bytes


NO_CODE = 255
"""What a sheet would have to hold for a code that the table does not know."""

RECALCULATION = {"recalculation-started.v1": True, "recalculation-ended.v1": False}

Waiting = tuple[str, str, str | None, str | None]
"""A mark in quarantine: date, session, pupil, code."""

Reason = tuple[str, date, str]
"""A mark N of which something was said: pupil, date, session."""

CHASING = {"reason-due.v1": "due", "reason-overdue.v1": "overdue", "reason-settled.v1": None}
"""What is said of an N, by type of entry; None: nothing any more."""


@dataclass
class Folded:
    """What a ledger says, all of it under the ids that the ledger uses.

    `marks`: by pupil, the codes that stand. `calendars`: by academic year, the open sessions. `enrolments`: by pupil.
    `facts`: by pupil, the newest told here. `merges`: (dead, survivor), in order. `identities`: by id, the highest
    identity version told here, and the survivor that it names: None when the id was split off again. `waiting`: what is
    in quarantine. `recalculating`: marks were still to be judged when the last entry was written.
    `school`: name, LA and phase. `life`: first and last day, predecessor and successor. `authorities`: those that the
    school has had, from when on. `staggered`: by academic year, the sessions that are open for some year groups only.
    `reasons`: the marks N that are due or overdue, and when they are overdue.
    """

    marks: dict[str, dict[Session, str]] = field(default_factory=dict)
    calendars: dict[int, set[Session]] = field(default_factory=dict)
    enrolments: dict[str, list[Enrolment]] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    merges: list[tuple[str, str]] = field(default_factory=list)
    identities: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    waiting: Counter[Waiting] = field(default_factory=Counter)
    school: dict[str, Any] = field(default_factory=dict)
    life: dict[str, Any] = field(default_factory=dict)
    authorities: list[tuple[date, str]] = field(default_factory=list)
    staggered: dict[int, dict[Session, frozenset[int]]] = field(default_factory=dict)
    recalculating: bool = False
    reasons: dict[Reason, tuple[str, date | None]] = field(default_factory=dict)

    def pupils(self) -> set[str]:
        """Every child that the ledger mentions, by the ids that it uses."""
        return {
            *self.marks,
            *self.enrolments,
            *self.facts,
            *(pupil for merge in self.merges for pupil in merge),
            *self.identities,
        }


class Ledger:
    """Reads one school's entries in order; `problems` lists what no ledger may have."""

    def __init__(self, urn: int) -> None:
        self.urn = urn
        self.number = 0
        self.entry_id: str | None = None
        self.write_last = 0
        self.folded = Folded()
        self.problems: list[str] = []

    def read(self, row: Row) -> None:
        """Checks an entry against the one before it, and folds it in."""
        event = json.loads(row.body)
        data: dict[str, Any] = event["data"]
        expected = {
            "number": (row.number, self.number + 1),
            "sequence": (event.get("sequence"), row.number),
            "id": (event["id"], row.entry_id),
            "type": (event["type"], row.type),
            "schoolurn": (event.get("schoolurn"), self.urn),
            "subject": (event["subject"], str(self.urn)),
            "previous": (data["previous"], self.entry_id),
            "write_last": (data["write_last"], row.write_last),
        }
        for name, (found, wanted) in expected.items():
            if found != wanted:
                self.problems.append(f"entry {row.number}: {name} is {found}, not {wanted}")
        if self.number < self.write_last != row.write_last:
            self.problems.append(f"entry {row.number}: its write ends at {row.write_last}, begun as {self.write_last}")
        if row.write_last < row.number:
            self.problems.append(f"entry {row.number}: its write ends before it, at {row.write_last}")
        self.number, self.entry_id, self.write_last = row.number, row.entry_id, row.write_last
        fold(self.folded, self.urn, event["type"], data)

    def end(self, last_number: int, last_entry: str | None) -> None:
        """Checks the end of the ledger against what the school's own row says."""
        if (self.number, self.entry_id) != (last_number, last_entry):
            self.problems.append(
                f"it ends with {self.number} ({self.entry_id}), the school says {last_number} ({last_entry})"
            )
        if self.write_last != self.number:
            self.problems.append(f"its last write is cut off: {self.number} of {self.write_last}")


def fold(folded: Folded, urn: int, kind: str, data: dict[str, Any]) -> None:
    """One more fact. Types that say nothing about what stands are passed over."""
    name = kind.removeprefix(PREFIX)
    if name == "session-marked.v1":
        _session_marked(folded, data)
    elif name == "school-changed.v1":
        folded.school = {key: data[key] for key in ("name", "la_code", "phase")}
        _life(folded, data)
    elif name == "calendar-changed.v1":
        _calendar_changed(folded, data)
    elif name == "enrolment-changed.v1":
        for pupil in data["pupils"]:
            folded.enrolments[pupil["pupil_id"]] = [_enrolment(urn, stay) for stay in pupil["enrolments"]]
    elif name == "pupil-changed.v1":
        for pupil in data["pupils"]:
            _pupil_changed(folded, pupil)
    elif name == "pupil-merged.v1":
        folded.merges.append((data["pupil_id"], data["survivor"]))
        _identity(folded, data["pupil_id"], data.get("identity_version", 0), data["survivor"])
    elif name == "pupil-split.v1" and data["restored"]:
        _identity(folded, data["other"], data["identity_version"], None)
    elif name == "mark-quarantined.v1":
        folded.waiting.update(_waiting(data))
    elif name == "mark-released.v1":
        folded.waiting.subtract(_waiting(data))
    elif name in RECALCULATION:
        folded.recalculating = RECALCULATION[name]
    elif name in CHASING:
        _chased(folded, CHASING[name], data)


def _identity(folded: Folded, pupil_id: str, version: int, survivor: str | None) -> None:
    if pupil_id not in folded.identities or folded.identities[pupil_id][0] < version:
        folded.identities[pupil_id] = (version, survivor)


def _life(folded: Folded, data: dict[str, Any]) -> None:
    opened, closed = data.get("opened_on"), data.get("closed_on")
    folded.life = {
        "opened_on": date.fromisoformat(opened) if opened else None,
        "closed_on": date.fromisoformat(closed) if closed else None,
        "predecessor_urn": data.get("predecessor_urn"),
        "successor_urn": data.get("successor_urn"),
    }
    folded.authorities = [
        (date.fromisoformat(one["from"]) if one["from"] else date.min, one["la_code"])
        for one in data.get("la_history", [])
    ]


def _session_marked(folded: Folded, data: dict[str, Any]) -> None:
    session = (date.fromisoformat(data["date"]), data["session"])
    for mark in data["marks"]:
        sheet = folded.marks.setdefault(mark["pupil_id"], {})
        if mark["code"] is None:
            sheet.pop(session, None)
        else:
            sheet[session] = mark["code"]


def _calendar_changed(folded: Folded, data: dict[str, Any]) -> None:
    days = [(date.fromisoformat(day["date"]), day["sessions"]) for day in data["days"]]
    year = int(data["academic_year"][:4])
    folded.calendars[year] = {(day, half) for day, halves in days for half in halves}
    staggered: dict[Session, frozenset[int]] = {}
    for day in data["days"]:
        for half in day["sessions"] if day.get("year_groups") is not None else ():
            session = (date.fromisoformat(day["date"]), half)
            staggered[session] = staggered.get(session, frozenset()) | frozenset(day["year_groups"])
    folded.staggered[year] = staggered


def _pupil_changed(folded: Folded, pupil: dict[str, Any]) -> None:
    before = folded.facts.get(pupil["pupil_id"])
    if before is None or pupil["pupil_version"] > before.version:
        born = pupil["date_of_birth"]
        folded.facts[pupil["pupil_id"]] = Facts(
            version=pupil["pupil_version"],
            date_of_birth=date.fromisoformat(born) if born else None,
            year_group=pupil["year_group"],
            flags=tuple(sorted(pupil["flags"])),
            flag_spans=flag_spans(pupil.get("flag_spans", [])),
            households=frozenset((h["code"], h.get("from"), h.get("to")) for h in pupil.get("households", [])),
            not_siblings=frozenset(pupil.get("not_siblings", [])),
        )


def _chased(folded: Folded, state: str | None, data: dict[str, Any]) -> None:
    for reason in data["reasons"]:
        key = (reason["pupil_id"], date.fromisoformat(reason["date"]), reason["session"])
        if state is None:
            folded.reasons.pop(key, None)
        else:
            due_on = reason["due_on"]
            folded.reasons[key] = (state, date.fromisoformat(due_on) if due_on else None)


def flag_spans(said: list[dict[str, Any]]) -> frozenset[tuple[str, str, str | None, str]]:
    """What is said of a child for a time: flag, first day, last day, source."""
    return frozenset((span["flag"], span["from"], span["to"], span["source"]) for span in said)


def _enrolment(urn: int, stay: dict[str, Any]) -> Enrolment:
    to = date.fromisoformat(stay["to"]) if stay["to"] else None
    return Enrolment(urn, date.fromisoformat(stay["from"]), to, stay["kind"])


def _waiting(data: dict[str, Any]) -> list[Waiting]:
    """The marks that an entry says began or ceased to wait. While nobody knew whose they were, they waited for
    nobody.
    """
    return [
        (mark["date"], mark["session"], None if mark["problem"] == "unknown-pupil" else mark["pupil_id"], mark["code"])
        for mark in data["marks"]
    ]


# -- a year on a grid -------------------------------------------------------------------------------------------------


def place(session: Session) -> int:
    """Where a session stands in its year's 732 places: two a day from 1 August on, the morning first."""
    day, half = session
    return (day - date(year_of(day), 8, 1)).days * 2 + (half == "PM")


def sheets(marks: dict[Session, str], numbers: dict[str, int]) -> dict[int, bytes]:
    """A pupil's marks at a school as sheets: per academic year 732 bytes, the number of a code or 0."""
    years: dict[int, bytearray] = {}
    for session, code in marks.items():
        years.setdefault(year_of(session[0]), bytearray(732))[place(session)] = numbers.get(code, NO_CODE)
    return {year: bytes(sheet) for year, sheet in years.items()}


def grid(sessions: set[Session]) -> bytes:
    """The open sessions of one year as 732 bytes, 1 where the school is open."""
    open_places = bytearray(732)
    for session in sessions:
        open_places[place(session)] = 1
    return bytes(open_places)
