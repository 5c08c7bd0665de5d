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

from audit.child import Child, Mark, Session, counted, monday_of
from audit.codes import Code
from audit.episodes import Episode, runs, tallied
from audit.figures import hits, of_year, totals, unit_of, units_of, window
from audit.policy import RATE, RUN, WINDOW, Policy, Threshold

ATTENDANCE_RETURN = "CONTINUOUS_10"


@dataclass(frozen=True)
class Evidence:
    """`sessions` that count, `school_weeks` as their Mondays, `formula` with its integers."""

    sessions: list[Mark]
    school_weeks: list[str]
    formula: dict[str, int | str]


def evidence(child: Child, episode: Episode, codes: dict[str, Code], policy: Policy) -> Evidence:
    """What stands behind an episode."""
    threshold = policy.thresholds[episode.kind]
    if threshold.rule == RATE:
        return _rate_evidence(child, episode, codes, threshold)
    if threshold.rule == WINDOW:
        return _window_evidence(child, episode, threshold)
    if threshold.rule == RUN:
        return _run_evidence(child, episode, codes, threshold)
    return _tally_evidence(child, episode, codes, threshold)


def _rate_evidence(child: Child, episode: Episode, codes: dict[str, Code], threshold: Threshold) -> Evidence:
    """The absences of the year up to the session, and the two integers that were compared."""
    assert episode.year is not None
    so_far = [mark for mark in of_year(counted(child), episode.year) if mark.session <= episode.evidence_at]
    absences = [mark for mark in so_far if codes[mark.code].absent]
    sums = totals(so_far, codes)
    than = ">" if threshold.strict else ">="
    formula: dict[str, int | str] = {"absent": sums.absent, "possible": sums.possible}
    if threshold.targets is not None:
        target = threshold.targets[so_far[-1].urn]
        formula["target_basis_points"] = target
        formula["comparison"] = f"absent * 10000 {than} possible * {10000 - target}"
    elif threshold.part == 1:
        formula["one_in"] = threshold.of
        formula["comparison"] = f"absent * {threshold.of} {than} possible"
    else:
        formula["part"] = threshold.part
        formula["of"] = threshold.of
        formula["comparison"] = f"absent * {threshold.of} {than} possible * {threshold.part}"
    return Evidence(absences, [], formula)


def _window_evidence(child: Child, episode: Episode, threshold: Threshold) -> Evidence:
    """The sessions in the window that ends with the session's week, or day, and the window's weeks."""
    at = unit_of(threshold, episode.evidence_at[0])
    held = window(list(units_of(child, threshold)), at, hits(child, threshold), threshold)
    name = "school_days" if threshold.by_days else "school_weeks"
    formula: dict[str, int | str] = {
        "sessions": len(held.marks),
        "unsettled": sum(mark.code in threshold.unsettled for mark in held.marks),
        "needed": threshold.sessions,
        name: threshold.length,
        "comparison": f"sessions in {threshold.length} {name.replace('_', ' ')} >= {threshold.sessions}",
    }
    return Evidence(held.marks, sorted({monday_of(unit).isoformat() for unit in held.units}), formula)


def _run_evidence(child: Child, episode: Episode, codes: dict[str, Code], threshold: Threshold) -> Evidence:
    """The sessions of the run up to the session. After the close of the register a child was in school: for the
    attendance return, how many those were is told.
    """
    (run,) = [run for run in runs(child, threshold, counted(child), codes) if episode.crossed_on in sessions_of(run)]
    so_far = [mark for mark in run if mark.session <= episode.evidence_at]
    formula: dict[str, int | str] = {
        "sessions": len(so_far),
        "unsettled": sum(mark.code in threshold.unsettled for mark in so_far),
        "needed": threshold.sessions,
        "comparison": f"sessions in a row >= {threshold.sessions}",
    }
    if episode.kind == ATTENDANCE_RETURN:
        formula["late"] = sum(codes[mark.code].late_after_close for mark in so_far)
    return Evidence(so_far, [], formula)


def _tally_evidence(child: Child, episode: Episode, codes: dict[str, Code], threshold: Threshold) -> Evidence:
    """The sessions that count, up to the one that made it enough."""
    assert episode.year is not None
    counting = tallied(child, threshold, of_year(counted(child), episode.year), codes)[: threshold.sessions]
    formula: dict[str, int | str] = {
        "sessions": len(counting),
        "needed": threshold.sessions,
        "comparison": f"sessions in the year >= {threshold.sessions}",
    }
    return Evidence(counting, [], formula)


def sessions_of(marks: list[Mark]) -> list[Session]:
    return [mark.session for mark in marks]


def session_document(mark: Mark) -> dict[str, Any]:
    """A session as the contracts write it."""
    return {"date": mark.day.isoformat(), "session": mark.half, "code": mark.code, "school_urn": mark.urn}


def digest(pupil_id: str, kind: str, found: Evidence, policy_version: str) -> str:
    """The hash, in hexadecimal."""
    sessions = [session_document(mark) for mark in found.sessions]
    return digest_of(
        pupil_id,
        kind,
        {
            "sessions": sessions,
            "school_weeks": found.school_weeks,
            "formula": found.formula,
            "policy_version": policy_version,
        },
    )


def digest_of(pupil_id: str, kind: str, explanation: dict[str, Any]) -> str:
    """The hash over what an explanation says, in hexadecimal."""
    sealed = {name: explanation[name] for name in ("sessions", "school_weeks", "formula", "policy_version")}
    document = {"pupil_id": pupil_id, "kind": kind, **sealed}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
