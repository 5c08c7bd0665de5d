"""The magic pupils: what a call about each of them comes to, and why. Their UPNs are fictional, and valid."""

from dataclasses import dataclass
from typing import Any

from simulator.identifiers import upn_of

from rollcall.sandbox.state import ELSEWHERE, HIGH, PRIMARY, START

LAESTABS = {PRIMARY: "9989101", HIGH: "9989102", ELSEWHERE: "9999103"}

HIGHEST = 2**63 - 1
"""The highest `source_version`: no mark that carries one outranks it, except another such."""


@dataclass(frozen=True, slots=True)
class Magic:
    """A pupil and what it shows. `outcome` is what the answer to `call` says of it: the status of a mark or a roll row,
    `404`, `308`, or the kind of the episode that opens. `why` names the rule.
    """

    name: str
    number: int
    urn: int
    outcome: str
    why: str
    problem: str | None = None
    on: str = START.isoformat()

    @property
    def local_id(self) -> str:
        """The school's own id of the pupil: a thousand and the number."""
        return str(1000 + self.number)

    @property
    def upn(self) -> str:
        """Valid, with one exception: that of `rejected` has another check letter."""
        right = upn_of(LAESTABS[self.urn], 2020, self.number)
        return right if self.name != "rejected" else ("B" if right[0] == "A" else "A") + right[1:]

    def call(self, pupil_id: str | None) -> dict[str, Any]:
        """A call that shows it: `method`, `path`, and `body` or null."""
        match self.name:
            case "hidden":
                return {"method": "POST", "path": "/v1/pupils/lookup", "body": {"upn": self.upn}}
            case "merged":
                return {"method": "GET", "path": f"/v1/pupils/{pupil_id}/marks", "body": None}
            case "rejected":
                body: dict[str, Any] = {"pupils": [row(self)]}
                return {"method": "PUT", "path": f"/v1/schools/{self.urn}/roll", "body": body}
            case _:
                mark = {"upn": self.upn, "code": self._code()}
                body = {"source_version": 1, "marks": [mark]}
                return {"method": "PUT", "path": f"/v1/schools/{self.urn}/registers/{self.on}/AM", "body": body}

    def _code(self) -> str:
        """An absence where one is missing, with or without leave; else a presence. Ill where that corrects."""
        return {"PA": "I", "PN_10_IN_10": "O", "corrected": "I"}.get(self.outcome, "/")


PUPILS = (
    Magic("accepted", 1, PRIMARY, "accepted", "Nothing stands for it on the day. Again it is `unchanged`."),
    Magic("corrected", 2, PRIMARY, "corrected", "Its mark N stands, with `source_version` 1."),
    Magic("stale", 3, PRIMARY, "stale", "Its marks stand with the highest `source_version` that there is."),
    Magic("unknown-pupil", 4, PRIMARY, "quarantined", "No roll has it: a roll row mends that.", "unknown-pupil"),
    Magic("not-enrolled", 5, PRIMARY, "quarantined", "It left on 19 December 2025.", "not-enrolled"),
    Magic(
        "closed-session", 6, PRIMARY, "quarantined", "The school is closed for year group 0 from January on.",
        "closed-session",
    ),
    Magic(
        "future-date", 7, PRIMARY, "quarantined", "The day is to come: set the clock to it, and the mark stands.",
        "future-date", "2026-01-13",
    ),
    Magic("persistent-absence", 8, PRIMARY, "PA", "15 of 154 sessions are missed: one more, and it is 16 of 155."),
    Magic("ten-in-ten", 9, HIGH, "PN_10_IN_10", "Nine unauthorised absences lie in ten school weeks."),
    Magic("merged", 10, HIGH, "308", "This id turned out to be the child of `accepted`, when its UPN came."),
    Magic("hidden", 11, ELSEWHERE, "404", "Its school is not one of the token's."),
    Magic("rejected", 12, PRIMARY, "rejected", "The check letter of its UPN is wrong.", "bad-upn"),
)  # fmt: skip
BY_NAME = {magic.name: magic for magic in PUPILS}
CODES = {"Q9": "unknown-code", "J": "retired-code", "-": "no-mark"}
"""Codes that wait in quarantine, whoever they are said of, and the problem that is told."""

_YEAR_GROUPS = {"closed-session": (0, "2021-03-09"), "ten-in-ten": (9, "2012-03-09")}
_NAMES = ("Avery", "Blake", "Casey", "Devon", "Ellis", "Frankie", "Gray", "Harper", "Indigo", "Jules", "Kit", "Lee")


def row(magic: Magic, *, kind: str = "single", named: bool = True, to: str | None = None) -> dict[str, Any]:
    """A roll row; without its UPN unless `named`."""
    year_group, born = _YEAR_GROUPS.get(magic.name, (6, "2015-03-09"))
    parent = f"Parent of {_NAMES[magic.number - 1]}"
    return {
        "local_id": magic.local_id,
        **({"upn": magic.upn} if named else {}),
        "given_name": _NAMES[magic.number - 1],
        "family_name": "Sample",
        "date_of_birth": born,
        "year_group": year_group,
        "enrolment": {"from": "2025-09-01", "to": to, "kind": kind},
        "contacts": [
            {
                "local_id": "c1",
                "name": parent,
                "relationship": "parent",
                "parental_responsibility": True,
                "lives_with_pupil": True,
                "priority": 1,
                "email": None,
                "phone": None,
                "address": {"lines": [f"{magic.number} Sample Street"], "postcode": "ZZ1 1ZZ"},
                "language": "en",
                "do_not_contact": False,
            }
        ],
    }
