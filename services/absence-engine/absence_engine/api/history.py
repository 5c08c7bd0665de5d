"""What changed: of a child, of a school; and the evidence of an episode."""

from typing import Annotated, Any
from uuid import UUID

from common.db import Database
from common.errors import ConflictError
from common.web import Cursor, Page, PageSize, cut, place_of
from common.web.problems import CONFLICTS
from fastapi import APIRouter, Path, Query, Request

from absence_engine.actions import episodes, evidence, history
from absence_engine.actions.history import Listed
from absence_engine.actions.holding import Policies
from absence_engine.actions.known import TODAYS
from absence_engine.api import evidence_shapes, history_shapes
from absence_engine.api.at_least import ChildReader, Reader
from absence_engine.api.evidence_shapes import EvidenceOut
from absence_engine.api.history_shapes import PupilChangesOut, PupilMarkChangeOut, Since, Until
from absence_engine.domain.history import MarkChange, Turn

Urn = Annotated[int, Path(ge=1, le=2**31 - 1)]


def create_router(database: Database, policies: Policies) -> APIRouter:
    """The routes of what changed."""
    router = APIRouter(tags=["History"])
    _add_of_pupil(router, database, policies)
    _add_of_school(router, database)
    _add_evidence(router, database, policies)
    return router


def _add_of_pupil(router: APIRouter, database: Database, policies: Policies) -> None:
    @router.get(
        "/v1/pupils/{pupil_id}/changes",
        operation_id="getPupilChanges",
        summary="What changed of a child since a moment, mark by mark, and what that did to its figures and episodes",
        response_model=PupilChangesOut,
    )
    async def of_pupil(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        pupil_id: UUID,
        caller: ChildReader,
        since: Since,
        until: Until = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        after = place_of(cursor, _place)
        async with database.transaction() as tx:
            found = await history.of_pupil(tx, str(pupil_id), since, until, caller, policies)
        items, following = _page(request, found.marks, after, page_size)
        return {
            "pupil_id": str(pupil_id),
            "since": since,
            "until": until,
            "items": items,
            "next": following,
            "figures": [history_shapes.year_change(one) for one in found.years],
            "episodes": [history_shapes.episode_change(one) for one in found.episodes],
            "as_of_today": list(TODAYS),
        }


def _add_of_school(router: APIRouter, database: Database) -> None:
    @router.get(
        "/v1/schools/{urn}/changed-marks",
        operation_id="listChangedMarks",
        summary="What changed of a school's marks since a moment, mark by mark",
        response_model=Page[PupilMarkChangeOut],
    )
    async def of_school(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        since: Since,
        until: Until = None,
        corrections: Annotated[bool, Query(description="Leave out first marks.")] = False,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        after = place_of(cursor, _place)
        caller.reach.check_school(urn)
        async with database.transaction() as tx:
            begin, skipped = (None, 0) if after is None else (Turn(after[0], after[2]), after[3])
            limit = skipped + page_size + 1
            found = await history.of_school(tx, urn, since, until, begin, limit, corrections=corrections)
        items, following = _page(request, found, after, page_size)
        return {"items": items, "next": following}


def _add_evidence(router: APIRouter, database: Database, policies: Policies) -> None:
    @router.get(
        "/v1/episodes/{episode_id}/evidence",
        operation_id="getEpisodeEvidence",
        summary="All that it takes to check an episode by hand",
        response_model=EvidenceOut,
        responses=CONFLICTS,
    )
    async def of_episode(episode_id: UUID, caller: ChildReader) -> object:  # pyright: ignore[reportUnusedFunction]
        async with database.transaction() as tx:
            told = await episodes.explained(tx, str(episode_id), caller)
            found = await evidence.of_episode(tx, told, policies)
        if found is None:
            raise ConflictError("No marks that are known have this episode: it was taken back with roll or calendar.")
        return evidence_shapes.shown(told, found)


def _page(
    request: Request, listed: Listed, after: tuple[int, int, int, int] | None, page_size: int
) -> tuple[list[dict[str, Any]], str | None]:
    """The page that begins after so many changes of an entry, and the path of the next one."""
    at, urn, number, nth = after or (-1, 0, 0, 0)
    begin = listed.before(at, urn, number) + nth

    def position(last: tuple[int, MarkChange]) -> dict[str, Any]:
        n, one = last
        nth = n + 1 - listed.before(one.at, one.urn, one.number)
        return {"at": one.at, "urn": one.urn, "sequence": one.number, "nth": nth}

    found = list(enumerate(listed.told(begin, begin + page_size + 1), begin))
    page, following = cut(request, found, page_size, position)
    return [history_shapes.mark_change(one) for _, one in page], following


def _place(position: dict[str, Any]) -> tuple[int, int, int, int]:
    found = tuple(position[name] for name in ("at", "urn", "sequence", "nth"))
    if any(type(value) is not int or not 0 <= value < 1 << 48 for value in found):
        raise ValueError("no position of a change")
    at, urn, number, nth = found
    return at, urn, number, nth
