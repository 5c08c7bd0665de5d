"""Sums over many children, by whatever an authority asks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from common import academic
from common.clock import Clock
from common.db import Database
from common.errors import Fault, InvalidError, NotFoundError
from common.ledger import MOST_URN
from common.security import Caller
from common.web import Cursor, PageSize, cut, place_of
from fastapi import APIRouter, Query, Request

from absence_engine.actions import answers
from absence_engine.actions.holding import Policies
from absence_engine.actions.seen import seen
from absence_engine.api import answer_shapes, shapes
from absence_engine.api.answer_shapes import AnswerOut
from absence_engine.api.at_least import Reader
from absence_engine.api.history_shapes import AsKnownOn, known
from absence_engine.api.shapes import AcademicYear
from absence_engine.domain import small
from absence_engine.domain.groups import DIMENSIONS, Key, Question
from absence_engine.domain.policy import FLAGS
from absence_engine.domain.sums import Divided
from absence_engine.store import figures as store
from absence_engine.store import grouping

MOST_SCHOOLS, MOST_YEARS = 1000, 7
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Las = Annotated[str | None, Query(max_length=20, examples=["330"], description="The schools of an authority.")]
Urns = Annotated[
    list[int] | None,
    Query(description="Some schools by URN, instead of an authority's; may be repeated.", examples=[[100001]]),
]
Days = Annotated[date | None, Query(description="First and last day; by default those of the academic year.")]
GroupBy = Annotated[
    list[str] | None,
    Query(description=f"Up to two, repeated or with a comma between: {', '.join(DIMENSIONS)}.", examples=[["school"]]),
]
Kinds = Annotated[list[Literal["single", "main", "subsidiary"]] | None, Query(description="Only stays of these kinds.")]
Flag = Annotated[
    str | None, Query(description="Only sessions of days on which the child has this flag.", examples=["CIN"])
]
Basis = Annotated[
    Literal["live", "dfe"],
    Query(description="`dfe`: as DfE's statistics count; ages 5 to 15, Year 11 up to the spring bank holiday."),
]


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The route /v1/absence."""
    router = APIRouter(tags=["Figures"])
    _add_absence(router, database, clock, policies)
    return router


def _add_absence(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.get(
        "/v1/absence",
        operation_id="getAbsence",
        summary="Attendance and absence over any days, by school, class, week, code, flag and so on",
        response_model=AnswerOut,
        response_model_exclude_unset=True,
    )
    async def absence(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        la_code: Las = None,
        school_urn: Urns = None,
        academic_year: AcademicYear = None,
        from_: Annotated[Days, Query(alias="from")] = None,
        to: Days = None,
        group_by: GroupBy = None,
        flag: Flag = None,
        kind: Kinds = None,
        basis: Basis = "live",
        as_known_on: AsKnownOn = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> object:
        today = clock.today()
        by = tuple(one.strip() for asked in group_by or () for one in asked.split(","))
        question = Question(*_days(academic_year, from_, to, today), by, flag, tuple(kind or ()), basis)
        _check(question, la_code, school_urn)
        if flag is not None or "flag" in by:
            caller.check_shown("flags")
        after = place_of(cursor, _place)
        async with database.transaction() as tx:
            await store.snapshot(tx)
            urns = await _schools(tx, la_code, school_urn, caller)
            holding = await policies.at_present(tx, urns)
            book = holding.of_school(min(urns)) if la_code is None else holding.of_authority(la_code)
            policy = book(academic.year_of(question.last))
            sums = await answers.count(tx, question, urns, la_code, policy, as_known_on)
            what = await seen(tx, urns, question.first, question.last, today)
        is_area = la_code is not None and caller.reach.is_everywhere
        hidden = small.what_is_hidden(sums, by, policy) if is_area else dict.fromkeys(sums, small.NOTHING)
        page, following = cut(request, _groups(sums, by, after), page_size, lambda last: {"after": list(last)})
        return {
            **_asked(question),
            "policy_version": policy.version,
            "as_of": today.isoformat(),
            **known(as_known_on),
            "total": answer_shapes.total_of(sums, hidden, policy),
            "items": [answer_shapes.group_of(key, by, sums, hidden, policy) for key in page],
            "next": following,
            "coverage": what.coverage._asdict(),
            "freshness": answer_shapes.seen(what),
        }


def _asked(question: Question) -> dict[str, Any]:
    return {
        "from_": question.first.isoformat(),
        "to": question.last.isoformat(),
        "basis": question.basis,
        "group_by": question.by,
    }


def _groups(sums: Mapping[str, Divided], by: Sequence[str], after: tuple[Key, ...] | None) -> list[tuple[Key, ...]]:
    """The groups that there are, in order, after one."""
    found = {key for divided in sums.values() for key in divided.groups} if by else set[tuple[Key, ...]]()
    return sorted((key for key in found if after is None or _order(key) > _order(after)), key=_order)


async def _schools(tx: Any, la_code: str | None, school_urn: Sequence[int] | None, caller: Caller) -> Collection[int]:
    """The schools that are asked about, as far as the caller may see them; NotFoundError where that is none, or where
    one of those that are named is none.
    """
    if la_code is None:
        asked = set(school_urn or ())
        known = {school.urn for school in await grouping.schools(tx, asked)}
        if not known or known != asked or not caller.reach.covers(asked):
            raise NotFoundError
        return known
    found = caller.reach.restrict(await grouping.of_authority(tx, la_code))
    if not found:
        raise NotFoundError
    return found


def _days(academic_year: str | None, first: date | None, last: date | None, today: date) -> tuple[date, date]:
    year = shapes.year_of(academic_year, academic.year_of(today))
    begins, ends = academic.days_of(year)
    return first or begins, last or ends


def _check(question: Question, la_code: str | None, school_urn: Sequence[int] | None) -> None:
    """InvalidError for what can't be answered."""
    faults: list[Fault] = []
    by = question.by
    if (la_code is None) == (not school_urn):
        faults.append(Fault("la_code", "one-of", "Say either `la_code` or `school_urn`."))
    if len(school_urn or ()) > MOST_SCHOOLS:
        faults.append(Fault("school_urn", "too-many", f"At most {MOST_SCHOOLS} URNs."))
    if not all(0 < urn <= MOST_URN for urn in school_urn or ()):
        faults.append(Fault("school_urn", "bad-urn", f"A URN is a number from 1 to {MOST_URN}."))
    if len(by) > 2 or len(set(by)) < len(by) or not set(by) <= set(DIMENSIONS):
        faults.append(Fault("group_by", "bad-group-by", f"Up to two different ones of {', '.join(DIMENSIONS)}."))
    if "registration_group" in by and "school" not in by and (la_code is not None or len(school_urn or ()) > 1):
        detail = "A class has its name within its school: ask for one school, or group by school as well."
        faults.append(Fault("group_by", "needs-school", detail))
    if question.first.year < 1900 or question.last.year > 2200 or not question.first <= question.last:
        faults.append(Fault("from", "bad-days", "`from` lies before `to`, both from 1900 to 2200."))
    elif len(question.years) > MOST_YEARS:
        faults.append(Fault("from", "too-long", f"At most {MOST_YEARS} academic years."))
    if question.flag is not None and question.flag not in FLAGS:
        faults.append(Fault("flag", "unknown-flag", f"One of {', '.join(sorted(FLAGS))}."))
    if faults:
        raise InvalidError("This can't be answered.", faults=faults)


def _order(key: tuple[Key, ...]) -> list[tuple[int, int, str]]:
    """By the values in the order of the divisions: numbers as numbers, days of the week as they follow each other, what
    is not known at the end.
    """
    return [_rank(value) for value in key]


def _rank(value: Key) -> tuple[int, int, str]:
    if value is None:
        return 2, 0, ""
    if isinstance(value, int):
        return 0, value, ""
    return 1, WEEKDAYS.index(value) if value in WEEKDAYS else 0, value


def _place(position: dict[str, Any]) -> tuple[Key, ...]:
    found = tuple(position["after"])
    if not all(value is None or isinstance(value, str | int) for value in found):
        raise ValueError("no place in this list")
    return found
