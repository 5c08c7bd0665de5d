"""Parents' absence notices over HTTP: giving, correcting and withdrawing them; how marks go with them; absences that
nobody told of in time.
"""

import hashlib
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from common.academic import Session
from common.errors import Fault, InvalidError, MovedError
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from common.web.conditions import ETAG, TAGGED, Unchanged, tag
from common.web.keys import idempotency_key
from fastapi import APIRouter, Path, Query, Request, Response

from registers.actions import absence_notices as actions
from registers.actions import notice_reading
from registers.actions.absence_notices import Because, SentGiver, SentNotice
from registers.actions.expecting import local_now
from registers.actions.notice_reading import Matched, Untold
from registers.api import parameters
from registers.api.context import Context
from registers.api.notice_shapes import (
    AbsentSession,
    CorrectionIn,
    CoveredSession,
    Due,
    GapCounts,
    GapNotice,
    GapOut,
    GapsOut,
    GiverIn,
    MatchedNotice,
    NoticeIn,
    NoticeOut,
    VersionOut,
    WholeNotice,
    WithdrawalIn,
)
from registers.api.parameters import Cursor, Day, PupilId, Urn
from registers.domain.absence_notices import Match, Notice, Sender, Version
from registers.domain.expected import Place
from registers.domain.register import KINDS, KeyKind

PATH = "/v1/schools/{urn}/absence-notices"

Writer = Annotated[Caller, needs("absences:write")]
Reader = Annotated[Caller, needs("registers:read")]
NoticeId = Annotated[UUID, Path(description="A notice's id.", examples=["c2f0a7de-0f0b-4f55-8f3a-0a4d5c1e7b90"])]
On = Annotated[Day | None, Query(alias="date", description="The day; today when left out.", examples=["2025-09-15"])]
From = Annotated[Day | None, Query(alias="from", description="The first day; all before when left out.")]
To = Annotated[Day | None, Query(alias="to", description="The last day; all after when left out.")]
OfMatch = Annotated[Match | None, Query(description="Only notices with a session of the day that goes with them so.")]
OfKind = Annotated[str | None, Query(max_length=64, description="Only gaps of this kind.")]
Key = Annotated[str | None, idempotency_key("notice")]


def create_router(context: Context) -> APIRouter:
    """The routes of absence notices."""
    router = APIRouter(tags=["Absence notices"])
    _add_giving(router, context)
    _add_changing(router, context)
    _add_gaps(router, context)
    _add_reading(router, context)
    return router


def _add_giving(router: APIRouter, context: Context) -> None:
    @router.post(
        PATH,
        operation_id="postAbsenceNotice",
        summary="Tell that a parent told the school of an absence",
        status_code=201,
        responses={
            200: {"model": NoticeOut, "description": "The notice was there already.", "headers": ETAG},
            201: {"headers": ETAG},
        },
    )
    async def give(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, sent: NoticeIn, caller: Writer, idempotency_key: Key = None
    ) -> NoticeOut:
        keys: dict[KeyKind, str] = {kind: str(key) for kind in KINDS if (key := getattr(sent, kind)) is not None}
        fingerprint = hashlib.sha256(sent.model_dump_json().encode()).hexdigest()
        sender = Sender(caller.subject, idempotency_key, fingerprint)
        said = Because(sent.noted_by, sent.why)
        notice, is_new = await actions.give(context.writer, caller, urn, keys, _sent(sent), said, sender)
        response.status_code = 201 if is_new else 200
        response.headers["location"] = f"/v1/schools/{urn}/absence-notices/{notice.notice_id}"
        return _tagged(response, notice)


def _add_changing(router: APIRouter, context: Context) -> None:
    @router.put(PATH + "/{notice_id}", operation_id="putAbsenceNotice", summary="Correct a notice", responses=TAGGED)
    async def correct(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, notice_id: NoticeId, sent: CorrectionIn, caller: Writer, only: Unchanged
    ) -> NoticeOut:
        said = Because(sent.noted_by, sent.why)
        notice = await actions.correct(context.writer, caller, urn, str(notice_id), _sent(sent), said, only)
        return _tagged(response, notice)

    @router.post(
        PATH + "/{notice_id}/withdrawal",
        operation_id="withdrawAbsenceNotice",
        summary="Withdraw a notice",
        responses=TAGGED,
    )
    async def withdraw(  # pyright: ignore[reportUnusedFunction]
        response: Response, urn: Urn, notice_id: NoticeId, sent: WithdrawalIn, caller: Writer, only: Unchanged
    ) -> NoticeOut:
        said = Because(sent.noted_by, sent.why)
        notice = await actions.withdraw(context.writer, caller, urn, str(notice_id), said, only)
        return _tagged(response, notice)


def _add_gaps(router: APIRouter, context: Context) -> None:
    """Before `{notice_id}`, which would match as well."""

    @router.get(
        PATH + "/gaps", operation_id="listAbsenceNoticeGaps", summary="Absences that nobody told the school of in time"
    )
    async def gaps(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        on: On = None,
        kind: OfKind = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> GapsOut:
        day, after = _day(on or context.clock.today()), parameters.pupil(cursor)
        now = local_now(context.clock)
        found = await notice_reading.gaps(context.database, caller, urn, day, now)
        listed = [_gap(one) for one in found.items if one.judged.absence.pupil_id > after]
        listed = [one for one in listed if kind is None or one.kind == kind]
        page, following = cut(request, listed, page_size, lambda last: {"after": [last.pupil_id]})
        return GapsOut(
            school_urn=urn,
            date=day,
            as_of=now,
            due=Due(**{session.name: at for session, at in found.due.items()}),
            counts=GapCounts(**found.counts),
            items=list(page),
            next=following,
        )


def _add_reading(router: APIRouter, context: Context) -> None:
    @router.get(PATH, operation_id="listAbsenceNotices", summary="A school's notices about a day, and what stands")
    async def at_school(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        urn: Urn,
        caller: Reader,
        on: On = None,
        match: OfMatch = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[MatchedNotice]:
        after = _place(cursor)
        found = await notice_reading.at_school(context.database, caller, urn, _day(on or context.clock.today()))
        listed = [
            one
            for one in found
            if _place_of(one) > after and (match is None or match in [how for _, how in one.sessions])
        ]
        return _page(request, listed, page_size)

    @router.get(
        "/v1/pupils/{pupil_id}/absence-notices",
        operation_id="listPupilAbsenceNotices",
        summary="A child's absence notices, and what stands",
    )
    async def of_pupil(  # pyright: ignore[reportUnusedFunction]
        request: Request,
        pupil_id: PupilId,
        caller: Reader,
        first: From = None,
        last: To = None,
        cursor: Cursor = None,
        page_size: PageSize = 100,
    ) -> Page[MatchedNotice]:
        span, after = (first or date.min, last or date.max), _place(cursor)
        living, found = await notice_reading.of_pupil(
            context.database, caller, str(pupil_id), span, after, page_size + 1
        )
        if living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{living}/absence-notices")
        return _page(request, found, page_size)

    @router.get(
        PATH + "/{notice_id}",
        operation_id="getAbsenceNotice",
        summary="A notice and what it said before",
        responses=TAGGED,
    )
    async def one(response: Response, urn: Urn, notice_id: NoticeId, caller: Reader) -> WholeNotice:  # pyright: ignore[reportUnusedFunction]
        matched, before = await notice_reading.one(context.database, caller, urn, str(notice_id))
        history = [VersionOut.model_validate(_said(version, matched.notice.barred)) for version in before]
        shown = WholeNotice.model_validate({**_matched(matched), "history": history})
        response.headers["ETag"] = tag(str(matched.notice.now.version), shown)
        return shown


def _sent(sent: CorrectionIn) -> SentNotice:
    """A notice as sent; InvalidError for a session without its day."""
    if sent.to is None and sent.to_session is not None:
        raise InvalidError(faults=[Fault("/to_session", "no-last-day", "The session is of `to`, which is not there.")])
    last = None if sent.to is None else Place(sent.to, Session[sent.to_session or "PM"])
    first = Place(sent.from_, Session[sent.from_session])
    giver = _giver(sent.given_by)
    return SentNotice(giver, sent.channel, sent.given_at, first, last, sent.reason, sent.suggested_code)


def _giver(sent: GiverIn) -> SentGiver:
    contact_id = None if sent.contact_id is None else str(sent.contact_id)
    return SentGiver(contact_id, sent.local_id, sent.name, sent.relation)


def _tagged(response: Response, notice: Notice) -> NoticeOut:
    shown = NoticeOut.model_validate(_notice(notice))
    response.headers["ETag"] = tag(str(notice.now.version), shown)
    return shown


def _day(on: date) -> date:
    """InvalidError for a day that no calendar of ours has."""
    if not parameters.FIRST_YEAR <= on.year <= parameters.LAST_YEAR:
        raise InvalidError(faults=[Fault("date", "bad-date", "Not within this century.")])
    return on


def _place(cursor: str | None) -> tuple[date, str]:
    """Where a page begins: behind a notice's first day and id."""
    return parameters.day_and_pupil(cursor)


def _place_of(one: Matched) -> tuple[date, str]:
    return one.notice.now.content.first.on, one.notice.notice_id


def _page(request: Request, found: list[Matched], page_size: int) -> Page[MatchedNotice]:
    def position(last: Matched) -> dict[str, Any]:
        on, notice_id = _place_of(last)
        return {"after": [on.isoformat(), notice_id]}

    page, following = cut(request, found, page_size, position)
    return Page(items=[MatchedNotice.model_validate(_matched(one)) for one in page], next=following)


def _matched(one: Matched) -> dict[str, Any]:
    sessions = [
        CoveredSession(
            school_urn=standing.urn,
            date=standing.place.on,
            session=standing.place.session.name,
            code=standing.code,
            match=how,
        )
        for standing, how in one.sessions
    ]
    return {**_notice(one.notice), "sessions": sessions}


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "notice_id": notice.notice_id,
        "school_urn": notice.urn,
        "pupil_id": notice.pupil_id,
        "local_id": notice.local_id,
        **_said(notice.now, notice.barred),
    }


def _said(version: Version, barred: bool) -> dict[str, Any]:
    content = version.content
    last = content.last
    return {
        "version": version.version,
        "state": version.state,
        "given_by": {**content.giver._asdict(), "barred": barred},
        "channel": content.channel,
        "given_at": content.given_at,
        "from": content.first.on,
        "from_session": content.first.session.name,
        "to": None if last is None else last.on,
        "to_session": None if last is None else last.session.name,
        "reason": content.reason,
        "suggested_code": content.suggested_code,
        "noted_at": version.noted_at,
        "noted_by": version.noted_by,
        "why": version.why,
    }


def _gap(one: Untold) -> GapOut:
    judged, notice = one.judged, one.judged.notice
    told = None
    if notice is not None:
        content = notice.now.content
        told = GapNotice.model_validate(
            {
                "notice_id": notice.notice_id,
                "given_at": content.given_at,
                "from": content.first.on,
                "to": None if content.last is None else content.last.on,
            }
        )
    return GapOut.model_validate(
        {
            "pupil_id": judged.absence.pupil_id,
            "local_id": one.local_id,
            "kind": judged.outcome,
            "sessions": [
                AbsentSession(session=session.name, code=judged.absence.sessions[session])
                for session in judged.sessions
            ],
            "due_at": judged.due_at,
            "absent_since": judged.absence.run.since,
            "days_absent": judged.absence.run.days,
            "notice": told,
        }
    )
