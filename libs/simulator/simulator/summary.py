"""What a head of service asks after a while: how much absence, beside the real figures; who is being helped; why.

Everything is read from the public API. Figures by phase are by enrolment, as DfE counts them (rule book 3.12).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from common.public_api import Api

from simulator.authority import Authority
from simulator.calendar import SchoolDay
from simulator.dfe import PhaseFigures

TASKS = {
    "support_review": "support review (persistent absence)",
    "multi_agency_plan": "multi-agency plan (severe absence)",
    "consider_notice": "consider a penalty notice (10 sessions in 10 school weeks)",
    "attendance_return": "attendance return (10 school days in a row)",
    "joint_enquiry": "joint enquiry (20 school days in a row)",
    "sickness_return": "sickness return (15 school days of illness)",
    "inform_social_worker": "tell the social worker of an unexplained absence",
    "establish_reason": "establish the reason for an absence (N)",
    "check_recipient": "a letter that may go to nobody",
    "already_sent": "a letter had left before its reason went",
    "check_sending": "a letter whose sending must be checked",
}
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One enrolment's counts so far."""

    pupil_id: str
    school_urn: int
    phase: str
    possible: int
    absent: int


async def rows(api: Api, authority: Authority, academic_year: str) -> list[Row]:
    """Every enrolment of the authority that had a possible session."""
    found: list[Row] = []
    for school in authority.schools:
        path = f"/v1/schools/{school.urn}/absence"
        async for item in api.items(path, academic_year=academic_year, page_size=_PAGE):
            if item["possible"]:
                found.append(Row(item["pupil_id"], school.urn, school.phase, item["possible"], item["absent"]))
    return found


def absence_lines(enrolments: Sequence[Row], authority: Authority, played: Sequence[SchoolDay]) -> list[str]:
    """Absence, persistent and severe absence by phase, simulated and real, and how to read them."""
    lines = [
        f"{'':26}{'absence':>15}{'persistent':>17}{'severe':>17}",
        f"{'':26}{'here':>8}{'DfE':>7}{'here':>10}{'DfE':>7}{'here':>10}{'DfE':>7}",
    ]
    for phase, real in authority.figures.phases.items():
        own = [row for row in enrolments if row.phase == phase]
        if own:
            lines.append(_phase_line(phase, own, real))
    days = len(played)
    lines += [
        "",
        f"DfE: {authority.figures.name}, 2025/26 to July 2026 (severe: all of 2024/25). Here: {days} school days.",
    ]
    if days < len(authority.days):
        lines += [
            "A short time reads differently from a year: with few sessions chance alone takes more pupils over 10%,",
            "and September has less absence than December. DfE publishes no persistent absence before late January.",
        ]
    return lines


def _phase_line(phase: str, own: Sequence[Row], real: PhaseFigures) -> str:
    absence = sum(row.absent for row in own) / sum(row.possible for row in own)
    persistent = sum(row.absent * 10 >= row.possible for row in own) / len(own)
    severe = sum(row.absent * 2 >= row.possible for row in own) / len(own)
    pairs = ((absence, real.absence, 8), (persistent, real.persistent, 10), (severe, real.severe, 10))
    figures = "".join(f"{100 * here:{width - 1}.1f}%{100 * there:6.1f}%" for here, there, width in pairs)
    return f"{phase.capitalize() + f' ({len(own):,} pupils)':26}{figures}"


async def task_lines(api: Api) -> list[str]:
    """Open tasks by kind."""
    kinds = Counter([task["kind"] async for task in api.items("/v1/tasks", status="open", page_size=_PAGE)])
    return [f"{count:6,}  {TASKS.get(kind, kind)}" for kind, count in kinds.most_common()] or ["  none"]


async def letter_lines(api: Api) -> list[str]:
    """Letters by status."""
    statuses = Counter([letter["status"] async for letter in api.items("/v1/letters", page_size=_PAGE)])
    return [f"{count:6,}  {status}" for status, count in statuses.most_common()] or ["  none"]


async def explanation_lines(api: Api) -> list[str]:
    """One firm crossing in plain words, with the dates and codes behind it."""
    async for task in api.items("/v1/tasks", status="open", kind="support_review", page_size=_PAGE):
        episode = await api.get(f"/v1/episodes/{task['episode_id']}")
        return [
            episode["sentence"],
            *_session_lines(episode["sessions"]),
            f"task due {in_words(task['due_on'])}, policy {episode['policy_version']}, hash {episode['hash'][:12]}…",
        ]
    return ["No crossing is firm yet: persistent absence is firm from the 40th possible session on."]


def _session_lines(sessions: Sequence[dict[str, Any]]) -> list[str]:
    """Days with their codes, morning and afternoon together, three to a line."""
    days: dict[str, list[str]] = {}
    for session in sessions:
        days.setdefault(session["date"], []).append(f"{session['session']} {session['code']}")
    cells = [f"{in_words(day)}: {', '.join(codes)}" for day, codes in sorted(days.items())]
    return [
        "  " + "".join(f"{cell:36}" for cell in cells[place : place + 3]).rstrip() for place in range(0, len(cells), 3)
    ]


def in_words(day: str) -> str:
    """`2025-09-05` -> `Fri 5 Sep 2025`."""
    parsed = date.fromisoformat(day)
    return f"{parsed:%a} {parsed.day} {parsed:%b %Y}"
