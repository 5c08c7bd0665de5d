"""The report: what was seen of each capability, for a person or as JSON."""

from collections.abc import Sequence
from typing import Any

from rollcall.conformance import checks, repeats
from rollcall.conformance.checks import Capability, Finding
from rollcall.conformance.stream import Exchange, Stream

SHOWN = 5
"""So many requests are named to a person for each capability; JSON has all."""


def capabilities(retry_after: float) -> list[Capability]:
    """What a school's system handles, those without which it can't go live first."""
    must = True
    return [
        Capability("registers", "put the register of a session", checks.registers, must),
        Capability("versions", "number changes with a rising `source_version`", checks.versions, must),
        Capability("corrections", "correct a mark with `reason` and `amended_by`", checks.corrections, must),
        Capability("quarantine", "read what waits, where a mark does", checks.quarantine, must),
        Capability("end-of-sync", "compare what stands at the end of the day", checks.end_of_sync, must),
        Capability("unavailable", "send again after a 503", repeats.repeated("unavailable", retry_after), must),
        Capability("too-many", "wait as long as a 429 asks", repeats.repeated("too-many", retry_after), must),
        Capability("lost-answer", "send again when no answer comes", repeats.repeated("lost-answer", 0), must),
        Capability("no-upn-in-urls", "keep UPNs out of URLs", checks.private, must),
        Capability("register-in-parts", "put a register part by part", checks.parts),
        Capability("late-register", "put the register of an earlier day", checks.late),
        Capability("unknown-pupil", "put the roll row of a pupil who is unknown", checks.unknown_pupils),
        Capability("mended-code", "send a mark again whose code can't stand", checks.mended_codes),
        Capability("deletion", "take a mark back by DELETE", checks.deletions),
        Capability("leaver", "end a leaver's stay", checks.leavers),
        Capability("calendar-change", "send a calendar that has changed", checks.calendars),
        Capability("refused", "mend a request that was answered 422 (a pupil twice)", repeats.refused(422)),
        Capability("too-large", "divide what was answered 413", repeats.refused(413)),
        Capability("change-feed", "follow `changes` to its end", checks.changes),
        Capability("idempotency-key", "give a POST a key of its own", repeats.keyed),
    ]


class Report:
    """The findings about all that went through."""

    def __init__(self, exchanges: Sequence[Exchange], retry_after: float) -> None:
        stream = Stream(exchanges)
        self.requests = len(exchanges)
        self.findings: list[tuple[Capability, Finding]] = [
            (each, each.check(stream)) for each in capabilities(retry_after)
        ]

    @property
    def conforms(self) -> bool:
        """Nothing was wrong, and all that is mandatory was seen."""
        return all(
            found.verdict == "right" or (found.verdict == "not-seen" and not each.mandatory)
            for each, found in self.findings
        )

    def text(self) -> str:
        """For a person."""
        lines = [f"{self.requests} requests went through."]
        for each, found in self.findings:
            verdict = found.verdict.replace("-", " ") + (" (needed)" if self._is_missing(each, found) else "")
            lines.append(f"  {verdict:<18} {each.name:<18} {found.says or each.wanted}")
            lines += [f"{'':40}{request}" for request in found.requests[:SHOWN]]
            if len(found.requests) > SHOWN:
                lines.append(f"{'':40}and {len(found.requests) - SHOWN} more")
        wrong = sum(found.verdict == "wrong" for _, found in self.findings)
        missing = sum(self._is_missing(each, found) for each, found in self.findings)
        lines.append("It conforms." if self.conforms else f"{wrong} wrong, {missing} needed and not seen.")
        return "\n".join(lines)

    def json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "conforms": self.conforms,
            "requests": self.requests,
            "capabilities": [
                {
                    "name": each.name,
                    "wanted": each.wanted,
                    "mandatory": each.mandatory,
                    "verdict": found.verdict,
                    "says": found.says,
                    "requests": list(found.requests),
                }
                for each, found in self.findings
            ],
        }

    @staticmethod
    def _is_missing(each: Capability, found: Finding) -> bool:
        return each.mandatory and found.verdict == "not-seen"
