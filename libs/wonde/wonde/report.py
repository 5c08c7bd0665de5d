"""What a run did with one school: counts and Wonde's ids, nothing of any child."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from wonde.api import Tally
from wonde.domain.codes import CodeList
from wonde.domain.registers import Register
from wonde.state import Unread

MOST_LISTED = 200
"""Of each kind of trouble; `counts` say how many there are."""


@dataclass
class Report:
    """`counts`: what was sent, and what became of it. `unmapped`: codes that Rollcall can't count, by the school's
    letter: what the school calls them, how many marks, why. `rejected`: what Rollcall refused, with the problem's code.
    `not_shared`: what the school does not let us read. `failed`: why the run ended early.
    """

    wonde_id: str
    urn: int
    tally: Tally = field(default_factory=Tally)
    counts: Counter[str] = field(default_factory=Counter[str])
    unmapped: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    rejected: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    unread: list[Unread] = field(default_factory=list[Unread])
    not_shared: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])
    failed: str | None = None

    def count_codes(self, register: Register, codes: CodeList) -> None:
        """Notes the marks of a register whose code will wait in quarantine."""
        for record in register.records:
            letter = str(record.mark["code"])
            if problem := codes.problem(letter, record.slot.on):
                said = self.unmapped.setdefault(
                    letter, {"problem": problem, "description": codes.description(letter), "marks": 0}
                )
                said["marks"] += 1

    def reject(self, kind: str, item: str, problem: str) -> None:
        """Notes what Rollcall refused."""
        self.counts[f"{kind}_refused"] += 1
        if len(self.rejected) < MOST_LISTED:
            self.rejected.append({"kind": kind, "wonde_id": item, "problem": problem})

    def as_json(self) -> dict[str, Any]:
        """The report as it is printed."""
        return {
            "wonde_id": self.wonde_id,
            "urn": self.urn,
            "state": "failed" if self.failed else "done",
            **({"failed": self.failed} if self.failed else {}),
            "read": {"pages": self.tally.pages, "rows": self.tally.rows, "tried_again": self.tally.again},
            "counts": dict(sorted(self.counts.items())),
            "unmapped_codes": dict(sorted(self.unmapped.items())),
            "refused": self.rejected,
            "unreadable": [one._asdict() for one in self.unread[:MOST_LISTED]],
            "not_shared": self.not_shared,
            "notes": self.notes,
        }
