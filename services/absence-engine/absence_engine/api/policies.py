"""Policy sets over HTTP: the versions of an authority, drafts, publication."""

from typing import Annotated

from common.clock import Clock
from common.db import Database
from common.errors import Fault, InvalidError
from common.security import Caller, needs
from common.web import Page
from common.web.conditions import TAGGED, Putting, Unchanged, tag
from common.web.problems import CONFLICTS
from fastapi import APIRouter, Path, Query, Response

from absence_engine.actions import policies as actions
from absence_engine.actions.holding import Policies
from absence_engine.api import policy_shapes as shapes
from absence_engine.api.at_least import Reader
from absence_engine.api.policy_shapes import PolicyIn, PolicyOut, PolicySummaryOut, PublicationIn
from absence_engine.store.policies import PolicyRow

Writer = Annotated[Caller, needs("policies:write")]
LaCode = Annotated[str, Path(min_length=1, max_length=20, description="An authority's code.", examples=["330"])]
Version = Annotated[str, Path(min_length=1, max_length=60, description="A version's name.", examples=[shapes.VERSION])]
AskedLaCode = Annotated[str, Query(min_length=1, max_length=20, examples=["330"])]
PATH = "/v1/policies/{la_code}/{version}"


def create_router(database: Database, clock: Clock, policies: Policies) -> APIRouter:
    """The routes under /v1/policies."""
    router = APIRouter(tags=["Policies"])
    _add_reading(router, database, policies)
    _add_writing(router, database, clock, policies)
    return router


async def shown(response: Response, database: Database, policies: Policies, row: PolicyRow) -> PolicyOut:
    """A version as it is answered, with its tag."""
    async with database.transaction() as tx:
        holding = await policies.at_present(tx)
    found = shapes.policy(row, holding.of_authority(row.la_code)(None).version)
    response.headers["ETag"] = tag(row.tag, found)
    return found


def _add_reading(router: APIRouter, database: Database, policies: Policies) -> None:
    @router.get(
        "/v1/policies",
        operation_id="listPolicies",
        summary="An authority's versions: published ones, drafts, and England's",
        response_model=Page[PolicySummaryOut],
    )
    async def versions(la_code: AskedLaCode, caller: Reader) -> object:  # pyright: ignore[reportUnusedFunction]
        found = await actions.listed(database, caller, la_code)
        async with database.transaction() as tx:
            in_force = (await policies.at_present(tx)).of_authority(la_code)(None).version
        return {"items": [shapes.summary(row, in_force) for row in found], "next": None}

    @router.get(PATH, operation_id="getPolicy", summary="A version of a policy", responses=TAGGED)
    async def one(response: Response, la_code: LaCode, version: Version, caller: Reader) -> PolicyOut:  # pyright: ignore[reportUnusedFunction]
        return await shown(response, database, policies, await actions.one(database, caller, la_code, version))


def _add_writing(router: APIRouter, database: Database, clock: Clock, policies: Policies) -> None:
    @router.put(PATH, operation_id="putPolicy", summary="Write a draft", responses=TAGGED | CONFLICTS)
    async def put(  # pyright: ignore[reportUnusedFunction]
        response: Response, la_code: LaCode, version: Version, sent: PolicyIn, caller: Writer, only: Putting
    ) -> PolicyOut:
        row = await database.in_transaction(
            lambda tx: actions.put(tx, caller, la_code, version, sent.document(), clock, only)
        )
        return await shown(response, database, policies, row)

    @router.post(f"{PATH}/publication", operation_id="publishPolicy", summary="Publish a draft", responses=TAGGED)
    async def publish(  # pyright: ignore[reportUnusedFunction]
        response: Response, la_code: LaCode, version: Version, sent: PublicationIn, caller: Writer, only: Unchanged
    ) -> PolicyOut:
        if sent.retroactive != (sent.reason is not None):
            words = "`retroactive` and `reason` go together."
            raise InvalidError(words, faults=[Fault("/reason", "reason-or-not", words)])
        row = await database.in_transaction(
            lambda tx: actions.publish(tx, caller, la_code, version, sent.valid_from, sent.by, sent.reason, clock, only)
        )
        return await shown(response, database, policies, row)

    @router.delete(PATH, operation_id="deletePolicy", summary="Delete a draft", status_code=204, responses=CONFLICTS)
    async def delete(la_code: LaCode, version: Version, caller: Writer, only: Unchanged) -> None:  # pyright: ignore[reportUnusedFunction]
        await database.in_transaction(lambda tx: actions.delete(tx, caller, la_code, version, only))
