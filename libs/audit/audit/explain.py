"""The evidence of an episode and its hash: what a person can check by hand (invariant 4).

As at the session that made the episode firm, or else at which it crossed; marks of later weeks do not change it. The
hash is the SHA-256 of the RFC 8785 JSON of `{pupil_id, kind, sessions, school_weeks, formula, policy_version}`. RFC
8785 asks for sorted keys, no spaces and shortest numbers: with ASCII text and integers, which is all that is in here,
`json` writes that.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from audit.child import Child, Mark, counted, monday_of, school_weeks
from audit.codes import Code
from audit.episodes import PENALTY, Episode
from audit.figures import hits, of_year, totals, window
from audit.policy import Policy


@dataclass(frozen=True)
class Evidence:
    """`sessions` that count, `school_weeks` as their Mondays, `formula` with its integers."""

    sessions: list[Mark]
    school_weeks: list[str]
    formula: dict[str, int | str]


def evidence(child: Child, episode: Episode, codes: dict[str, Code], policy: Policy) -> Evidence:
    """What stands behind an episode."""
    if episode.kind == PENALTY:
        return _penalty_evidence(child, episode, codes, policy)
    return _rate_evidence(child, episode, codes, policy)


def _rate_evidence(child: Child, episode: Episode, codes: dict[str, Code], policy: Policy) -> Evidence:
    """The absences of the year up to the session, and the two integers that were compared."""
    assert episode.year is not None
    so_far = [mark for mark in of_year(counted(child), episode.year) if mark.session <= episode.evidence_at]
    absences = [mark for mark in so_far if codes[mark.code].absent]
    sums = totals(so_far, codes)
    one_in = policy.one_in[episode.kind]
    formula: dict[str, int | str] = {
        "absent": sums.absent,
        "possible": sums.possible,
        "one_in": one_in,
        "comparison": f"absent * {one_in} >= possible",
    }
    return Evidence(absences, [], formula)


def _penalty_evidence(child: Child, episode: Episode, codes: dict[str, Code], policy: Policy) -> Evidence:
    """The sessions in the window that ends with the session's week, and the window's weeks."""
    held = window(list(school_weeks(child)), monday_of(episode.evidence_at[0]), hits(child, codes), policy)
    formula: dict[str, int | str] = {
        "sessions": len(held.marks),
        "unsettled": sum(mark.code in policy.unsettled for mark in held.marks),
        "needed": policy.penalty_sessions,
        "school_weeks": policy.school_weeks,
        "comparison": f"sessions in {policy.school_weeks} school weeks >= {policy.penalty_sessions}",
    }
    return Evidence(held.marks, [monday.isoformat() for monday in held.weeks], formula)


def session_document(mark: Mark) -> dict[str, Any]:
    """A session as the contracts write it."""
    return {"date": mark.day.isoformat(), "session": mark.half, "code": mark.code, "school_urn": mark.urn}


def digest(pupil_id: str, kind: str, found: Evidence, policy_version: str) -> str:
    """The hash, in hexadecimal."""
    document = {
        "pupil_id": pupil_id,
        "kind": kind,
        "sessions": [session_document(mark) for mark in found.sessions],
        "school_weeks": found.school_weeks,
        "formula": found.formula,
        "policy_version": policy_version,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
