"""Who a child is, over HTTP: its UPNs, merging two ids that are one child, splitting one that is two."""

from typing import Annotated

from common.errors import Fault, InvalidError, MovedError
from common.security import Caller, needs
from common.web import Page, PageSize, cut
from common.web.keys import idempotency_key, keyed
from fastapi import APIRouter, Request

from registers.actions import look
from registers.actions.merging import Changed, Said, merge_pupils
from registers.actions.splitting import Split, split_pupil
from registers.api import parameters
from registers.api.context import Context
from registers.api.identity_shapes import (
    IdentityChanged,
    IdentityChangeOut,
    MergeIn,
    PupilOut,
    SplitIn,
    UpnOut,
    told,
)
from registers.api.parameters import Cursor, PupilId
from registers.domain.identity_changes import IdentityChange, Part

MergeKey = Annotated[str | None, idempotency_key("merge")]
SplitKey = Annotated[str | None, idempotency_key("split")]
Writer = Annotated[Caller, needs("pupils:write")]
Reader = Annotated[Caller, needs("pupils:read")]
ChildReader = Annotated[Caller, needs("pupils:read", by_child=True)]


def create_router(context: Context) -> APIRouter:
    """The routes of a child's identity."""
    router = APIRouter(tags=["Pupils"])

    @router.get("/v1/pupils/{pupil_id}", operation_id="getPupil", summary="A child, its UPNs and its schools")
    async def pupil(pupil_id: PupilId, caller: ChildReader) -> PupilOut:  # pyright: ignore[reportUnusedFunction]
        found = await look.pupil(context.database, caller, str(pupil_id))
        if found.person.pupil_id != str(pupil_id):
            raise MovedError(f"/v1/pupils/{found.person.pupil_id}")
        return _pupil(found)

    @router.post("/v1/pupils/{pupil_id}/merge", operation_id="mergePupil", summary="Say that two ids are one child")
    async def merge(  # pyright: ignore[reportUnusedFunction]
        request: Request, pupil_id: PupilId, sent: MergeIn, caller: Writer, key: MergeKey = None
    ) -> IdentityChanged:
        writer = context.writer.once(keyed(caller, key, request, sent), IdentityChange)
        said = Said(sent.reason, sent.by)
        return _changed(await merge_pupils(writer, caller, str(pupil_id), str(sent.into), said))

    @router.post("/v1/pupils/{pupil_id}/split", operation_id="splitPupil", summary="Say that one id is two children")
    async def split(  # pyright: ignore[reportUnusedFunction]
        request: Request, pupil_id: PupilId, sent: SplitIn, caller: Writer, key: SplitKey = None
    ) -> IdentityChanged:
        if (sent.restore is None) == (sent.schools is None) or (sent.restore is not None and sent.upn is not None):
            fault = Fault("", "one-way", "Give `restore`, or `schools` and maybe `upn`.")
            raise InvalidError("A pupil is split in one way.", faults=[fault])
        restore = str(sent.restore) if sent.restore is not None else None
        parts = [Part(part.school_urn, part.from_, part.to) for part in sent.schools or ()]
        what = Split(str(pupil_id), restore, parts, sent.upn)
        writer = context.writer.once(keyed(caller, key, request, sent), IdentityChange)
        return _changed(await split_pupil(writer, caller, what, Said(sent.reason, sent.by)))

    @router.get(
        "/v1/pupils/{pupil_id}/identity-changes",
        operation_id="listIdentityChanges",
        summary="The merges and splits of a child",
    )
    async def changes(  # pyright: ignore[reportUnusedFunction]
        request: Request, pupil_id: PupilId, caller: Reader, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[IdentityChangeOut]:
        after = 0 if cursor is None else parameters.whole(*parameters.positions(cursor, 1))[0]
        living, found = await look.identity_changes(context.database, caller, str(pupil_id), after, page_size + 1)
        if living != str(pupil_id):
            raise MovedError(f"/v1/pupils/{living}/identity-changes")
        page, following = cut(request, found, page_size, lambda last: {"after": [last.number]})
        return Page(items=[IdentityChangeOut.model_validate(told(one)) for one in page], next=following)

    return router


def _changed(done: Changed) -> IdentityChanged:
    schools = [{"school_urn": urn, "sequence": number} for urn, number in sorted(done.sequences.items())]
    return IdentityChanged.model_validate({**told(done.change), "schools": schools})


def _pupil(found: look.PupilAndUpns) -> PupilOut:
    person = found.person
    schools = [
        {
            "school_urn": school["urn"],
            "name": school["name"],
            "local_ids": found.local_ids.get(school["urn"], []),
            "enrolments": [
                {"from": stay.start, "to": stay.end, "kind": stay.kind}
                for stay in found.stays.get((school["urn"], person.pupil_id), [])
            ],
        }
        for school in found.schools
    ]
    upns = [{**row, "kind": UpnOut.kind_of(row["upn"])} for row in found.upns]
    return PupilOut.model_validate(
        {
            "pupil_id": person.pupil_id,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "date_of_birth": person.date_of_birth,
            "sex": person.sex,
            "year_group": person.year_group,
            "flags": list(person.flags),
            "upn": person.upn,
            "upns": upns,
            "schools": schools,
        }
    )
