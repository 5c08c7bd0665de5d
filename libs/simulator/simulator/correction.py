"""A live correction: a mark takes a child over the line, the office puts it right, and everything it caused is undone.

The child is the one nearest below 10% who has a parent that may be written to. Two marks of today make it
persistently absent; when the crossing is firm, a task opens and letters wait out their hold. Then the school says
that the child had been on a visit: the crossing is reversed, the task cancelled, the letters recalled before they
left.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.authority import Stay
from simulator.client import Poster
from simulator.mis import SESSIONS, Register
from simulator.summary import Row, in_words

Say = Callable[[str], None]

_FIRM = 40  # possible sessions
_PATIENCE_SECONDS = 30.0
_COMPULSORY_FROM_YEAR = 1
_VISIT = {"reason": "Was on the history visit: the list reached the office late", "amended_by": "School office"}
_ILL = {"reason": "Had been ill: the parent wrote", "amended_by": "School office"}


@dataclass(frozen=True, slots=True)
class Child:
    """Who the correction is about, and how the product and the school know it."""

    pupil_id: str
    stay: Stay
    urn: int
    row: Row


class NothingToShowError(Exception):
    """No child of this authority can be taken over the line by a few marks."""


async def show(poster: Poster, enrolments: Sequence[Row], played: int, say: Say) -> None:
    """Tells the story through `say`; NothingToShowError when there is no child for it, TimeoutError when it stalls."""
    child = await _nearest(poster, enrolments, played)
    api, marks = poster.api, _marks(poster, child, played)
    firm = child.row.possible + _new_sessions(poster, played) >= _FIRM
    say(f"A child with {child.row.absent} absences in {child.row.possible} possible sessions is below 10%.")
    say(f"Today, {in_words(marks[-1].date.isoformat())}, the registers say: ill, morning and afternoon.")
    for register in marks:
        await poster.put_register(register)
    episode = await _until("the crossing", lambda: _standing(poster, child))
    detail = await api.get(f"/v1/episodes/{episode['episode_id']}")
    say(f"  -> {detail['sentence']}")
    if firm:
        task = await _until("the task", lambda: _first(poster, "/v1/tasks", child, episode, status="open"))
        letters = await _until("the letters", lambda: _all(poster, "/v1/letters", child, episode, status="queued"))
        say(
            f"  -> task {task['kind']} opened, due {in_words(task['due_on'])}; {_letters(len(letters))} queued, on hold"
        )
    else:
        say(f"  -> provisional: under {_FIRM} possible sessions there is no task and no letter yet")
    say("Then the school office corrects them: the child was on a visit (V).")
    began = time.perf_counter()
    for register in _corrected(marks):
        await poster.put_register(register)
    await _until("the reversal", lambda: _reversed(poster, episode["episode_id"], child))
    say(f"  -> crossing reversed {time.perf_counter() - began:.1f} s after the correction was sent")
    if firm:
        await _until("the cancelled task", lambda: _first(poster, "/v1/tasks", child, episode, status="cancelled"))
        say("  -> task cancelled")
        recalled = await _until("the recall", lambda: _all(poster, "/v1/letters", child, episode, status="recalled"))
        say(f"  -> {_letters(len(recalled))} recalled: nothing was sent")


async def _nearest(poster: Poster, enrolments: Sequence[Row], played: int) -> Child:
    new = _new_sessions(poster, played)
    by_id = {pupil_id: key for key, pupil_id in poster.pupil_ids.items()}
    stays = {
        (poster.mis.authority.schools[stay.school].urn, stay.local_id): stay for stay in poster.mis.authority.stays
    }
    below = [row for row in enrolments if row.absent * 10 < row.possible and row.pupil_id in by_id]
    for row in sorted(below, key=lambda row: (_missing(row, new), row.pupil_id)):
        urn, local_id = by_id[row.pupil_id]
        child = Child(row.pupil_id, stays[urn, local_id], urn, row)
        if _suits(poster, child) and not await _standing(poster, child):
            return child
    raise NothingToShowError("every child is over the line already, or has nobody who may be written to")


def _suits(poster: Poster, child: Child) -> bool:
    pupil = poster.mis.authority.pupils[child.stay.pupil]
    reachable = any(contact.parental_responsibility and not contact.do_not_contact for contact in pupil.contacts)
    whole = child.stay.kind == "single" and child.stay.first == 0 and child.stay.until is None
    return reachable and whole and pupil.year_group >= _COMPULSORY_FROM_YEAR


def _new_sessions(poster: Poster, played: int) -> int:
    return len(SESSIONS) if played < len(poster.mis.authority.days) else 0


def _missing(row: Row, new: int) -> int:
    """Absences more that make 10%, when `new` sessions are added."""
    return max(new, -(-(row.possible + new) // 10) - row.absent)


def _marks(poster: Poster, child: Child, played: int) -> list[Register]:
    """Today's two sessions as ill, and as many of the latest attended ones as it takes; in the order of time."""
    authority = poster.mis.authority
    new = _new_sessions(poster, played)
    left = _missing(child.row, new)
    registers: list[Register] = []
    for place in range(2 * played + new - 1, -1, -1):
        day, session = divmod(place, 2)
        attended = authority.marks.final[child.stay.pupil, place] == authority.marks.first[child.stay.pupil, place] < 2
        if left and (day == played or attended):
            mark = {"local_id": child.stay.local_id, "code": "I", **({} if day == played else _ILL)}
            registers.append(Register(child.urn, authority.days[day].date, SESSIONS[session], {"marks": [mark]}))
            left -= 1
    return registers[::-1]


def _corrected(marks: Sequence[Register]) -> list[Register]:
    visit = [{**mark, "code": "V", **_VISIT} for register in marks for mark in register.body["marks"]]
    return [
        Register(register.urn, register.date, register.session, {"marks": [mark]})
        for register, mark in zip(marks, visit, strict=True)
    ]


async def _standing(poster: Poster, child: Child) -> Any:
    """The child's persistent absence as it stands, or None."""
    answer = await poster.api.get(f"/v1/pupils/{child.pupil_id}/episodes", **_counted(poster, child))
    return next((item for item in answer["items"] if item["kind"] == "PA" and item["state"] == "open"), None)


async def _reversed(poster: Poster, episode_id: str, child: Child) -> Any:
    answer = await poster.api.get(f"/v1/pupils/{child.pupil_id}/episodes", **_counted(poster, child))
    return next((e for e in answer["items"] if e["episode_id"] == episode_id and e["state"] == "reversed"), None)


def _counted(poster: Poster, child: Child) -> dict[str, str]:
    """Asks for an answer that includes everything posted so far at the child's school."""
    return {"at_least": f"{child.urn}:{poster.posted.sequences[child.urn]}"}


async def _first(poster: Poster, path: str, child: Child, episode: dict[str, Any], status: str) -> Any:
    return next(iter(await _all(poster, path, child, episode, status)), None)


async def _all(poster: Poster, path: str, child: Child, episode: dict[str, Any], status: str) -> list[Any]:
    found = [item async for item in poster.api.items(path, pupil_id=child.pupil_id, status=status)]
    return [item for item in found if item["episode_id"] == episode["episode_id"]]


async def _until(what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is not empty."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (answer := await ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {_PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.05)
    return answer


def _letters(count: int) -> str:
    return f"{count} letter{'s' if count != 1 else ''}"
