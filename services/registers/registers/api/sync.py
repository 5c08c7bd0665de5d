"""The end of a day over HTTP: whether what was sent is what stands, silent schools, how schools are connected."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from common.academic import Session
from common.errors import Fault, InvalidError, TooLargeError
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from fastapi import APIRouter, HTTPException, Query, Request

from registers.actions import sync as actions
from registers.api import parameters
from registers.api.context import Context
from registers.api.parameters import Cursor, Day, Urn
from registers.api.registers import mend_out
from registers.api.sync_shapes import (
    EMPTY,
    CodeDifference,
    Compared,
    CompareIn,
    ConnectionIn,
    ConnectionOut,
    DayStands,
    DifferenceOut,
    DigestCompared,
    DigestKey,
    LastRegister,
    ReconcileIn,
    ReconcileOut,
    SessionStands,
    SilentSchool,
    SyncOut,
    WaitingHere,
)
from registers.api.waiting_shapes import UnknownKey
from registers.domain import sync as rules
from registers.domain.register import SentMark
from registers.domain.sync import Difference, Tally, Theirs

Writer = Annotated[Caller, needs("registers:write")]
Reader = Annotated[Caller, needs("registers:read")]
From = Annotated[Day | None, Query(alias="from", description="The first day; the last one when left out.")]
To = Annotated[Day | None, Query(alias="to", description="The last day; today when left out.")]
ByKey = Annotated[DigestKey, Query(description="Which key of a pupil the digests are made with.")]
Since = Annotated[Day | None, Query(description="Only schools without a register for this day or a later one.")]
SchoolDays = Annotated[int, Query(ge=1, le=400, description="Silent for at least so many of the school's own days.")]

MOST_DAYS, MOST_MARKS, MOST_COUNTS = 366, 4000, 30_000


def create_router(context: Context) -> APIRouter:
    """The routes of the end of a day. `/v1/schools/silent` must come before the routes of one school."""
    router = APIRouter(tags=["Sync"])
    _add_comparisons(router, context)
    _add_reconciliation(router, context)
    _add_connections(router, context)
    return router


def _add_comparisons(router: APIRouter, context: Context) -> None:
    @router.get("/v1/schools/{urn}/sync", operation_id="getSync", summary="What stands by session: counts and a digest")
    async def summary(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        first: From = None,
        last: To = None,
        key: ByKey = "local_id",
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> SyncOut:
        end = last or context.clock.today()
        span = _span(first or end, end, parameters.day(cursor))
        sequence, rows = await actions.summary(context.database, caller, urn, span, key, page_size + 1)
        days = _days(rows)
        page, following = cut(request, days, page_size, lambda last: {"after": [last.date.isoformat()]})
        return SyncOut(items=list(page), next=following, school_urn=urn, key=key, sequence=sequence)

    @router.post(
        "/v1/schools/{urn}/sync/compare",
        operation_id="compareSync",
        summary="Where what a school's system has differs from what stands",
    )
    async def compare(urn: Urn, sent: CompareIn, caller: Reader) -> Compared:  # pyright: ignore[reportUnusedFunction]
        if (sent.marks is None) == (sent.digests is None):
            fault = Fault("", "one-list", "Give `marks` or `digests`.")
            raise InvalidError("One list is compared at a time.", faults=[fault])
        if sent.marks is None:
            return await _compare_digests(context, caller, urn, sent)
        on, theirs = _theirs(sent)
        sessions = [Session[sent.session]] if sent.session else list(Session)
        now = context.clock.now()
        sequence, same, found = await actions.compare(context.database, caller, urn, on, sessions, theirs, now)
        kinds = Counter(difference.kind for difference in found)
        counts = {"same": same, **{kind: kinds[kind] for kind in rules.KINDS}}
        differences = [_difference(one, on) for one in found]
        return Compared(school_urn=urn, sequence=sequence, counts=counts, differences=differences, digests=[])


def _add_reconciliation(router: APIRouter, context: Context) -> None:
    @router.post(
        "/v1/schools/{urn}/sync/reconcile",
        operation_id="reconcileCounts",
        summary="Where somebody else's counts of codes differ from what stands",
    )
    async def reconcile(urn: Urn, sent: ReconcileIn, caller: Reader) -> ReconcileOut:  # pyright: ignore[reportUnusedFunction]
        tallies = _tallies(sent)
        sequence, same, others = await actions.reconcile(context.database, caller, urn, tallies)
        differences = [
            CodeDifference(
                date=tally.on,
                session=None if tally.session is None else tally.session.name,
                code=tally.code,
                there=there,
                here=here,
                waiting=dict(waiting),
            )
            for tally, there, here, waiting in others
        ]
        return ReconcileOut(school_urn=urn, sequence=sequence, same=same, differences=differences)


def _add_connections(router: APIRouter, context: Context) -> None:
    @router.get("/v1/schools/silent", operation_id="listSilentSchools", summary="Schools that send nothing")
    async def silent(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        caller: Reader,
        since: Since = None,
        school_days: SchoolDays = 1,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[SilentSchool]:
        (after,) = (0,) if cursor is None else parameters.whole(*parameters.positions(cursor, 1))
        today = context.clock.today()
        rows = await actions.silent(context.database, caller, today, since, school_days, after, page_size + 1)
        page, following = cut(request, rows, page_size, lambda last: {"after": [last["urn"]]})
        return Page(items=[_silent(row) for row in page], next=following)

    @router.put("/v1/schools/silent", include_in_schema=False)
    async def no_such_school() -> None:  # pyright: ignore[reportUnusedFunction]
        raise HTTPException(405)  # else it would be taken for the URN of a school to be made

    @router.put(
        "/v1/schools/{urn}/connection", operation_id="putConnection", summary="Say how a school's registers reach us"
    )
    async def put(urn: Urn, sent: ConnectionIn, caller: Writer) -> ConnectionOut:  # pyright: ignore[reportUnusedFunction]
        row = await actions.connect(
            context.database, caller, urn, sent.kind, sent.state, sent.contact_role, sent.since, context.clock.now()
        )
        return _connection(urn, row)

    @router.get("/v1/schools/{urn}/connection", operation_id="getConnection", summary="How a school is connected")
    async def get(urn: Urn, caller: Reader) -> ConnectionOut:  # pyright: ignore[reportUnusedFunction]
        return _connection(urn, await actions.connection(context.database, caller, urn))


def _span(first: date, last: date, after: date | None = None, pointer: str = "from") -> tuple[date, date]:
    """The days asked for, behind the page before; InvalidError for none, and for more than a year of them."""
    if first > last:
        raise InvalidError(faults=[Fault(pointer, "bad-span", "`from` comes after `to`.")])
    if first.year < parameters.FIRST_YEAR or last.year > parameters.LAST_YEAR:
        raise InvalidError(faults=[Fault(pointer, "bad-span", "Not within this century.")])
    if last - first >= timedelta(days=MOST_DAYS):
        raise InvalidError(faults=[Fault(pointer, "bad-span", f"At most {MOST_DAYS} days.")])
    return (first if after is None else max(first, min(after, last) + timedelta(days=1))), last


def _days(rows: Sequence[Any]) -> list[DayStands]:
    """Two rows a day, as days."""
    days: list[DayStands] = []
    for morning, afternoon in zip(rows[::2], rows[1::2], strict=True):
        sessions = [
            SessionStands(
                session=Session(row["session"]).name,
                open=row["is_open"],
                marks=row["marks"],
                waiting=row["waiting"],
                without_key=row["without_key"],
                digest=row["digest"],
            )
            for row in (morning, afternoon)
        ]
        digest = rules.day_digest(one.digest for one in sessions)
        days.append(DayStands(date=morning["date"], digest=digest, sessions=sessions))
    return days


def _theirs(sent: CompareIn) -> tuple[date, list[Theirs]]:
    """The day and the marks of a list; TooLargeError, or InvalidError for marks without a key, session or day."""
    marks = sent.marks or []
    if len(marks) > MOST_MARKS:
        raise TooLargeError(f"A list has at most {MOST_MARKS} marks.")
    faults = [] if sent.date else [Fault("/date", "missing", "Which day the marks are of.")]
    theirs: list[Theirs] = []
    for place, one in enumerate(marks):
        half = one.session or sent.session
        mark = SentMark(one.code, one.pupil_id, one.upn, one.local_id)
        if half is None or (sent.session and half != sent.session):
            faults.append(Fault(f"/marks/{place}/session", "no-session", "A mark of the session that is compared."))
        elif not mark.names():
            faults.append(Fault(f"/marks/{place}", "no-key", "A mark names its pupil by pupil_id, upn or local_id."))
        else:
            theirs.append(Theirs(place, Session[half], mark))
    if sent.date is None or faults:
        raise InvalidError("The list can't be compared.", faults=faults)
    return sent.date, theirs


def _tallies(sent: ReconcileIn) -> dict[Tally, int]:
    """The counts; TooLargeError, or InvalidError for none, for two of the same, or for more than a year of them."""
    if len(sent.counts) > MOST_COUNTS:
        raise TooLargeError(f"At most {MOST_COUNTS} counts.")
    tallies: dict[Tally, int] = {}
    faults = [] if sent.counts else [Fault("/counts", "missing", "At least one count.")]
    for place, one in enumerate(sent.counts):
        tally = Tally(one.date, Session[one.session] if one.session else None, one.code)
        if tally in tallies:
            faults.append(Fault(f"/counts/{place}", "duplicate-count", "This code was counted before."))
        tallies[tally] = one.marks
    if faults:
        raise InvalidError("The counts can't be compared.", faults=faults)
    _span(min(one.date for one in sent.counts), max(one.date for one in sent.counts), pointer="/counts")
    return tallies


async def _compare_digests(context: Context, caller: Caller, urn: int, sent: CompareIn) -> Compared:
    digests = sent.digests or []
    if len(digests) > 3 * MOST_DAYS:
        raise TooLargeError(f"A list has at most {3 * MOST_DAYS} digests.")
    asked = [one.date or sent.date for one in digests]
    dates = [on for on in asked if on is not None]
    if not dates or len(dates) < len(asked):
        place = asked.index(None) if None in asked else 0
        fault = Fault(f"/digests/{place}/date", "missing", "Which day the digest is of.")
        raise InvalidError("The digests can't be compared.", faults=[fault])
    span = _span(min(dates), max(dates), pointer="/digests")
    sequence, rows = await actions.summary(context.database, caller, urn, span, sent.key, MOST_DAYS)
    ours = _digests(_days(rows))
    compared: list[DigestCompared] = []
    for on, one in zip(dates, digests, strict=True):
        half = one.session or sent.session
        mine = ours.get((on, half), EMPTY if half else rules.day_digest((EMPTY, EMPTY)))
        compared.append(DigestCompared(date=on, session=half, equal=mine == one.digest, digest=mine))
    same = sum(one.equal for one in compared)
    counts = {"same": same, "other": len(compared) - same}
    return Compared(school_urn=urn, sequence=sequence, counts=counts, differences=[], digests=compared)


def _digests(days: Iterable[DayStands]) -> dict[tuple[date, str | None], str]:
    """The digests by date and session; those of days under no session."""
    found: dict[tuple[date, str | None], str] = {}
    for day in days:
        found[day.date, None] = day.digest
        found |= {(day.date, one.session): one.digest for one in day.sessions}
    return found


def _difference(one: Difference, on: date) -> DifferenceOut:
    ours = one.ours
    return DifferenceOut(
        kind=one.kind,
        pointer=None if one.place is None else f"/marks/{one.place}",
        session=ours.session.name,
        pupil_id=ours.pupil_id,
        local_id=ours.local_id,
        key=UnknownKey(kind=ours.key[0], value=ours.key[1]) if ours.key else None,
        there=one.there,
        here=ours.code,
        waiting=[
            WaitingHere(code=code, problem=problem, mend=mend_out(problem, code, on)) for code, problem in ours.waiting
        ],
    )


def _connection(urn: int, row: Any) -> ConnectionOut:
    return ConnectionOut(
        school_urn=urn,
        kind=row["kind"],
        state=row["state"],
        contact_role=row["contact_role"],
        since=row["since"],
        changed_at=row["changed_at"],
    )


def _silent(row: Any) -> SilentSchool:
    last = None
    if row["date"] is not None:
        half = Session(row["session"]).name
        last = LastRegister(date=row["date"], session=half, received_at=row["received_at"])
    return SilentSchool(
        school_urn=row["urn"],
        name=row["name"],
        reason="no-register" if row["has_calendar"] else "no-calendar",
        school_days=row["school_days"],
        last_register=last,
        connection=_connection(row["urn"], row) if row["kind"] else None,
    )
