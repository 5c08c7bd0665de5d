"""Agreements with clients over HTTP: who may see what, and what for."""

from collections.abc import Collection
from typing import Annotated, Any, TypeVar

from common.errors import ForbiddenError
from common.security import Caller, needs
from common.web import Cursor, Page, PageSize, cut, place_of
from common.web.conditions import TAGGED, Putting, Unchanged, tag
from fastapi import APIRouter, Request, Response

from registers.api.consumer_shapes import ClientId, ConsumerIn, ConsumerOut
from registers.api.context import Context
from registers.domain.consumers import Consumer

V = TypeVar("V", int, str)

PATH = "/v1/consumers/{client_id}"
Admin = Annotated[Caller, needs("admin")]


def create_router(context: Context) -> APIRouter:
    """The routes of agreements."""
    router = APIRouter(tags=["Consumers"])
    _add_changing(router, context)
    _add_reading(router, context)
    return router


def _add_changing(router: APIRouter, context: Context) -> None:
    @router.put(PATH, operation_id="putConsumer", summary="Agree with a client what it may see", responses=TAGGED)
    async def put(  # pyright: ignore[reportUnusedFunction]
        response: Response, client_id: ClientId, sent: ConsumerIn, caller: Admin, only: Putting
    ) -> ConsumerOut:
        _check(caller)
        return _tagged(context, response, await context.consumers.put(_read(client_id, sent), only))

    @router.delete(PATH, operation_id="deleteConsumer", summary="End an agreement at once", responses=TAGGED)
    async def delete(  # pyright: ignore[reportUnusedFunction]
        response: Response, client_id: ClientId, caller: Admin, only: Unchanged
    ) -> ConsumerOut:
        _check(caller)
        return _tagged(context, response, await context.consumers.revoke(client_id, only))


def _add_reading(router: APIRouter, context: Context) -> None:
    @router.get(PATH, operation_id="getConsumer", summary="What is agreed with a client", responses=TAGGED)
    async def look(response: Response, client_id: ClientId, caller: Admin) -> ConsumerOut:  # pyright: ignore[reportUnusedFunction]
        _check(caller)
        return _tagged(context, response, await context.consumers.look(client_id))

    @router.get("/v1/consumers", operation_id="listConsumers", summary="All agreements, ended ones included")
    async def listed(  # pyright: ignore[reportUnusedFunction]
        request: Request, caller: Admin, cursor: Cursor = None, page_size: PageSize = 100
    ) -> Page[ConsumerOut]:
        _check(caller)
        found = await context.consumers.page(place_of(cursor, _after) or "", page_size + 1)
        page, following = cut(request, found, page_size, lambda last: {"client": last.client_id})
        return Page(items=[_shown(context, one) for one in page], next=following)


def _after(position: dict[str, Any]) -> str:
    client = position["client"]
    if not isinstance(client, str) or "\0" in client:
        raise ValueError("no client")
    return client


def _check(caller: Caller) -> None:
    """ForbiddenError for a caller who is limited itself: it could give others what it does not have."""
    if not caller.reach.is_everywhere or caller.redactions:
        raise ForbiddenError("Agreements are made by who sees everything, and this token is limited.")


def _read(client_id: str, sent: ConsumerIn) -> Consumer:
    return Consumer(
        client_id=client_id,
        organisation=sent.organisation,
        organisation_type=sent.organisation_type,
        reference=sent.agreement_reference,
        purposes=tuple(dict.fromkeys(sent.purposes)),
        agreed_from=sent.agreement_from,
        agreed_to=sent.agreement_to,
        scopes=tuple(sorted(set(sent.scopes))),
        las=_sorted(sent.las),
        urns=_sorted(sent.urns),
        cohorts=_sorted(sent.cohorts),
        redactions=_sorted(sent.redactions) or (),
    )


def _sorted(values: Collection[V] | None) -> tuple[V, ...] | None:
    return None if values is None else tuple(sorted(set(values)))


def _tagged(context: Context, response: Response, consumer: Consumer) -> ConsumerOut:
    shown = _shown(context, consumer)
    response.headers["ETag"] = tag(consumer.state, shown)
    return shown


def _shown(context: Context, consumer: Consumer) -> ConsumerOut:
    return ConsumerOut(
        client_id=consumer.client_id,
        organisation=consumer.organisation,
        organisation_type=consumer.organisation_type,
        agreement_reference=consumer.reference,
        purposes=list(consumer.purposes),
        agreement_from=consumer.agreed_from,
        agreement_to=consumer.agreed_to,
        scopes=list(consumer.scopes),
        las=None if consumer.las is None else list(consumer.las),
        urns=None if consumer.urns is None else list(consumer.urns),
        cohorts=None if consumer.cohorts is None else list(consumer.cohorts),
        redactions=list(consumer.redactions),
        standing=consumer.standing(context.clock.today()),
        revoked_at=consumer.revoked_at,
        schools=None if consumer.schools is None else len(consumer.schools),
        version=consumer.version,
    )
