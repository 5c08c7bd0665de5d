"""Flags of children over HTTP: what holds of a child for a time, and of whom something holds at a school."""

from typing import Annotated

import msgspec
from common.errors import Fault, InvalidError, MovedError
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from fastapi import APIRouter, Query, Request

from registers.actions import flags as actions
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, PupilId, Urn
from registers.api.people_shapes import FlagOut, FlagsIn, FlagsWritten, PupilFlags, SchoolFlags
from registers.domain.flags import ROLL, TIMETABLE, Span, overlapping

Writer = Annotated[Caller, needs("pupils:write")]
Reader = Annotated[Caller, needs("pupils:read")]
ChildReader = Annotated[Caller, needs("pupils:read", by_child=True)]
On = Annotated[Day | None, Query(description="What holds on this day.", examples=["2025-09-15"])]


def create_router(context: Context) -> APIRouter:
    """The routes of flags."""
    router = APIRouter(tags=["Pupils"])

    @router.put("/v1/pupils/{pupil_id}/flags", operation_id="putPupilFlags", summary="Say what holds of a child, dated")
    async def put(pupil_id: PupilId, sent: FlagsIn, caller: Writer) -> FlagsWritten:  # pyright: ignore[reportUnusedFunction]
        said, sources = _said(str(pupil_id), sent)
        written = await actions.put_flags(context.writer, caller, str(pupil_id), said, sources)
        return FlagsWritten(
            pupil_id=str(pupil_id),
            flags=_flags(written.spans),
            school_urn=written.school_urn,
            sequence=written.sequence,
        )

    @router.get("/v1/pupils/{pupil_id}/flags", operation_id="getPupilFlags", summary="What holds of a child, dated")
    async def get(pupil_id: PupilId, caller: ChildReader, on: On = None) -> PupilFlags:  # pyright: ignore[reportUnusedFunction]
        living, spans = await actions.of_pupil(context.database, caller, str(pupil_id), on)
        if living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{living}/flags")
        return PupilFlags(pupil_id=living, flags=_flags(spans))

    @router.get(
        "/v1/schools/{urn}/flags",
        operation_id="listSchoolFlags",
        summary="The pupils of whom something holds, and who have or had a social worker",
    )
    async def at_school(  # pyright: ignore[reportUnusedFunction]
        request: Request, urn: Urn, caller: Reader, on: On = None, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[SchoolFlags]:
        caller.check_shown("flags", "social_workers")
        day, after = on or context.clock.today(), parameters.pupil(cursor)
        found = await actions.at_school(context.database, caller, urn, day, after, page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"after": [last["pupil_id"]]})
        items = [SchoolFlags.model_validate({**row, "flags": msgspec.json.decode(row["flags"])}) for row in page]
        return Page(items=items, next=following)

    return router


def _said(pupil_id: str, sent: FlagsIn) -> tuple[list[Span], set[str]]:
    """The spans as sent, and the sources that they are all of; InvalidError for those that make no sense."""
    said = [Span(pupil_id, flag.source, flag.flag, flag.from_, flag.to) for flag in sent.flags]
    faults = [
        Fault(f"/flags/{place}/to", "ends-before-it-starts", "`to` lies before `from`.")
        for place, span in enumerate(said)
        if span.end is not None and span.end < span.start
    ]
    faults += [
        Fault(f"/flags/{place}", "overlapping-flag", f"It overlaps with /flags/{first}.")
        for place, first in overlapping(said)
    ]
    faults += [
        Fault(f"/{name}/{place}", "reserved-source", "Rolls and part-time timetables speak for themselves.")
        for name, sources in (("flags", [span.source for span in said]), ("sources", sent.sources))
        for place, source in enumerate(sources)
        if source == ROLL or source.startswith(TIMETABLE)
    ]
    if faults:
        raise InvalidError("The flags can't be taken as they are.", faults=faults)
    return said, {span.source for span in said} | set(sent.sources)


def _flags(spans: list[Span]) -> list[FlagOut]:
    return [
        FlagOut.model_validate(
            {"flag": span.flag, "from": span.start, "to": span.end, "source": span.source, "school_urn": span.urn}
        )
        for span in spans
    ]
