"""Part-time timetables, social workers and siblings over HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from common.errors import Fault, InvalidError, MovedError
from common.security import Caller, needs
from common.web import Page, PageSize, encode_cursor, next_path
from fastapi import APIRouter, Query, Request

from registers.actions import people as actions
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, PupilId, Urn
from registers.api.people_shapes import (
    Dated,
    PlanOut,
    PlansIn,
    PlansWritten,
    SiblingsIn,
    SiblingsOut,
    SocialWorkersIn,
    SocialWorkersOut,
)
from registers.domain.plans import Plan, SocialWorker

Writer = Annotated[Caller, needs("pupils:write")]
Reader = Annotated[Caller, needs("pupils:read")]
On = Annotated[Day | None, Query(description="Those in force on this day; today when left out.")]
Overdue = Annotated[bool, Query(description="Only those whose review is past and was not held.")]
AtSchool = Annotated[int | None, Query(ge=1, le=9_999_999, description="Those of one school.")]


def create_router(context: Context) -> APIRouter:
    """The routes about people."""
    router = APIRouter(tags=["Pupils"])
    _add_plans(router, context)
    _add_social_workers(router, context)
    _add_siblings(router, context)
    return router


def _add_plans(router: APIRouter, context: Context) -> None:
    @router.put(
        "/v1/schools/{urn}/part-time-timetables/{pupil_id}",
        operation_id="putPartTimeTimetables",
        summary="Say which part-time timetables a pupil has",
    )
    async def put(urn: Urn, pupil_id: PupilId, sent: PlansIn, caller: Writer) -> PlansWritten:  # pyright: ignore[reportUnusedFunction]
        _check(sent.plans, "plans")
        plans = [
            Plan(plan.from_, plan.to, plan.review_on, plan.reviewed_on, list(plan.agreed_by)) for plan in sent.plans
        ]
        sequence = await actions.put_plans(context.writer, caller, urn, str(pupil_id), plans)
        return PlansWritten(school_urn=urn, pupil_id=str(pupil_id), sequence=sequence, plans=sent.plans)

    @router.get(
        "/v1/part-time-timetables",
        operation_id="listPartTimeTimetables",
        summary="Part-time timetables, and their reviews",
    )
    async def plans(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        on: On = None,
        school_urn: AtSchool = None,
        overdue: Overdue = False,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[PlanOut]:
        day = on or context.clock.today()
        which = day, school_urn, overdue
        found = await actions.plans(context.database, caller, which, _place(cursor), page_size + 1)
        page = found[:page_size]
        following = None
        if len(found) > page_size:
            last = page[-1]
            place = [last["urn"], last["pupil_id"], last["from_date"].isoformat()]
            following = next_path(request, encode_cursor({"after": place}))
        return Page(items=[_plan(row, day) for row in page], next=following)


def _add_social_workers(router: APIRouter, context: Context) -> None:
    path = "/v1/pupils/{pupil_id}/social-workers"

    @router.put(path, operation_id="putSocialWorkers", summary="Say who a child's social worker is")
    async def put(pupil_id: PupilId, sent: SocialWorkersIn, caller: Writer) -> SocialWorkersOut:  # pyright: ignore[reportUnusedFunction]
        _check(sent.social_workers, "social_workers", may_overlap=True)
        workers = [SocialWorker(one.name, one.email, one.phone, one.from_, one.to) for one in sent.social_workers]
        return _workers(
            str(pupil_id), await actions.put_social_workers(context.database, caller, str(pupil_id), workers)
        )

    @router.get(path, operation_id="getSocialWorkers", summary="A child's social workers")
    async def get(pupil_id: PupilId, caller: Reader) -> SocialWorkersOut:  # pyright: ignore[reportUnusedFunction]
        return _workers(str(pupil_id), await actions.social_workers(context.database, caller, str(pupil_id)))


def _add_siblings(router: APIRouter, context: Context) -> None:
    path = "/v1/pupils/{pupil_id}/siblings"

    @router.put(path, operation_id="putSiblings", summary="Say who a child's siblings are")
    async def put(pupil_id: PupilId, sent: SiblingsIn, caller: Writer) -> SiblingsOut:  # pyright: ignore[reportUnusedFunction]
        if both := set(sent.siblings) & set(sent.not_siblings):
            place = sent.not_siblings.index(min(both))
            raise InvalidError(faults=[Fault(f"/not_siblings/{place}", "said-twice", "Among the siblings as well.")])
        said = {str(other): True for other in sent.siblings} | {str(other): False for other in sent.not_siblings}
        return _siblings(await actions.put_siblings(context.writer, caller, str(pupil_id), said))

    @router.get(path, operation_id="getSiblings", summary="A child's households and siblings")
    async def get(pupil_id: PupilId, caller: Reader) -> SiblingsOut:  # pyright: ignore[reportUnusedFunction]
        caller.check_shown("siblings")
        found = await actions.siblings(context.database, caller, str(pupil_id), context.clock.today())
        if found.living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{found.living}/siblings")
        return _siblings(found)


def _check(spans: Sequence[Dated], name: str, *, may_overlap: bool = False) -> None:
    """InvalidError for spans that end before they start, or overlap though they may not."""
    faults = [
        Fault(f"/{name}/{place}/to", "ends-before-it-starts", "`to` lies before `from`.")
        for place, span in enumerate(spans)
        if span.to is not None and span.to < span.from_
    ]
    for place, span in enumerate(spans if not may_overlap else ()):
        for first, other in enumerate(spans[:place]):
            if span.from_ <= (other.to or date.max) and other.from_ <= (span.to or date.max):
                faults.append(Fault(f"/{name}/{place}", "overlapping", f"It overlaps with /{name}/{first}."))
                break
    if faults:
        raise InvalidError("The dates can't be taken as they are.", faults=faults)


def _place(cursor: str | None) -> tuple[int, str, date]:
    """Where a page of plans begins."""
    if cursor is None:
        return 0, str(UUID(int=0)), date.min
    urn, pupil_id, start = parameters.positions(cursor, 3)
    (number,) = parameters.whole(urn)
    fault = Fault("cursor", "bad-cursor", "Use the `next` path of the page before, unchanged.")
    try:
        return min(number, 2**31 - 1), str(UUID(pupil_id)), date.fromisoformat(start)
    except (ValueError, TypeError, AttributeError):
        raise InvalidError("The cursor is not one of this list.", faults=[fault]) from None


def _plan(row: Any, day: date) -> PlanOut:
    plan = Plan(row["from_date"], row["to_date"], row["review_on"], row["reviewed_on"], row["agreed_by"])
    return PlanOut.model_validate(
        {
            "school_urn": row["urn"],
            "pupil_id": row["pupil_id"],
            "from": plan.start,
            "to": plan.end,
            "review_on": plan.review_on,
            "reviewed_on": plan.reviewed_on,
            "agreed_by": plan.agreed_by,
            "overdue": plan.is_overdue(day),
        }
    )


def _workers(pupil_id: str, workers: Sequence[SocialWorker]) -> SocialWorkersOut:
    told = [
        {"name": one.name, "email": one.email, "phone": one.phone, "from": one.start, "to": one.end} for one in workers
    ]
    return SocialWorkersOut.model_validate({"pupil_id": pupil_id, "social_workers": told})


def _siblings(found: actions.Siblings) -> SiblingsOut:
    homes = [
        {"address": {"lines": home.address.lines, "postcode": home.address.postcode}, "pupil_ids": home.pupil_ids}
        for home in found.households
    ]
    siblings = [{"pupil_id": other, "because": why} for other, why in sorted(found.siblings.items())]
    return SiblingsOut.model_validate({"pupil_id": found.living, "households": homes, "siblings": siblings})
