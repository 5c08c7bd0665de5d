"""What is doubtful in a school's data over HTTP, and the list of detailed reasons."""

from datetime import date
from typing import Annotated, Any

from common.academic import Session
from common.errors import Fault, InvalidError
from common.security import Caller, any_token, needs
from common.web import Page, PageSize, cut
from common.web.conditions import TAGGED
from fastapi import APIRouter, Query, Request, Response

from registers.actions import look
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, Urn
from registers.api.quality_shapes import QualityItem, ReasonDetailOut
from registers.api.reference import tagged
from registers.api.shapes import AmenderOut
from registers.api.waiting_shapes import MendOut
from registers.domain.quality import KINDS
from registers.domain.reason_details import reason_details
from registers.domain.standing import Amender, Details

Reader = Annotated[Caller, needs("registers:read")]
From = Annotated[Day | None, Query(alias="from", description="The first day; all before when left out.")]
To = Annotated[Day | None, Query(alias="to", description="The last day; all after when left out.")]
KindOf = Annotated[str | None, Query(max_length=64, description="Only items of this kind.")]


def add_quality(router: APIRouter, context: Context) -> None:
    """The routes of doubtful data."""

    @router.get(
        "/v1/schools/{urn}/data-quality", operation_id="listDataQuality", summary="What is doubtful in a school's data"
    )
    async def data_quality(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        kind: KindOf = None,
        first: From = None,
        last: To = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[QualityItem]:
        after = parameters.place_and_kind(cursor)
        today = context.clock.today()
        if first is not None and last is not None and first > last:
            raise InvalidError(faults=[Fault("from", "bad-span", "`from` comes after `to`.")])
        span = first or date.min, last or date.max
        rows = await look.doubts(context.database, caller, urn, today, after, kind, span, page_size + 1)
        page, following = cut(request, rows, page_size, _place)
        return Page(items=[_item(row) for row in page], next=following)

    @router.get(
        "/v1/reference/reason-details",
        operation_id="listReasonDetails",
        tags=["Reference"],
        summary="The detailed reasons that a mark may name",
        response_model=Page[ReasonDetailOut],
        responses=TAGGED,
    )
    async def details(caller: Annotated[Caller, any_token()]) -> Response:  # pyright: ignore[reportUnusedFunction]
        return tagged([ReasonDetailOut(**one._asdict()) for one in reason_details().values()])


def _place(row: Any) -> dict[str, Any]:
    return {"after": [row["date"].isoformat(), row["session"], row["received"], row["place"], row["kind"]]}


def amender(amended_by: str | Amender | None) -> str | AmenderOut | None:
    """Who amended an entry, for an answer."""
    if isinstance(amended_by, Amender):
        return AmenderOut(name=amended_by.name, position=amended_by.position)
    return amended_by


def _item(row: Any) -> QualityItem:
    details: Details = row["details"] or Details()
    kind = KINDS[row["kind"]]
    suggested = [row["suggested_code"]] if row["suggested_code"] and row["kind"] == "notice-to-judge" else []
    return QualityItem(
        kind=row["kind"],
        date=row["date"],
        session=Session(row["session"]).name,
        pupil_id=row["pupil_id"],
        code=row["code"],
        reason=details.reason,
        amended_by=amender(details.amended_by),
        arrived_at=details.arrived_at,
        reason_detail=list(details.reason_detail),
        other_school_urn=row["other_urn"],
        taken_by=row["taken_by"],
        received_at=row["received_at"],
        detail=kind.detail,
        mend=MendOut(
            action=kind.mend.action,
            operation=kind.mend.operation,
            detail=kind.mend.detail,
            codes=[*kind.mend.codes, *suggested],
        ),
        notice_id=row["notice_id"],
    )
