"""Every operation of the product, asked by every kind of caller for its own, a hidden and an unknown row.

What a caller may not see answers as what does not exist, word for word. `table` has an entry for each operation.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.access.table import TABLE, About, Entry
from tests.contract.access.world import LIMITED, UNKNOWN, Row, World, furnish
from tests.e2e.product import Product

CHANGING = {"POST", "PUT", "DELETE"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def world(product: Product) -> World:
    return furnish(product)


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[httpx.Client]:
    with world.client() as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


class Door:
    """One operation, to be asked about a row by a caller."""

    def __init__(self, document: dict[str, Any], client: httpx.Client, world: World, name: str) -> None:
        found = [
            (method.upper(), path, one)
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            if one["operationId"] == name
        ]
        ((self.method, self.template, self.operation),) = found
        self.entry: Entry = TABLE[name]
        self._client, self._world = client, world
        self._example = _example(self.operation, document["components"]["schemas"])

    @property
    def needs_scope(self) -> bool:
        return any(scheme.get("bearer") for scheme in self.operation["security"])

    def ask(self, caller: str, row: Row) -> httpx.Response:
        sent = None if self.entry.body is None else self.entry.body(row)
        body = self._example if sent is None else sent
        return self._client.request(
            self.method,
            row.path(self.template),
            params=self.entry.query(row),
            json=body if self.method in ("POST", "PUT") else None,
            headers={**self._world.callers[caller], **self.entry.headers},
        )


def _example(operation: dict[str, Any], schemas: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    named = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return content.get("example") or next(iter(named.get("examples", [])), None)


@pytest.fixture
def door(request: pytest.FixtureRequest, document: dict[str, Any], client: httpx.Client, world: World) -> Door:
    return Door(document, client, world, request.param)


def named(*about: About, changes: bool | None = None, by_child: bool | None = None) -> list[str]:
    return [
        name
        for name, entry in TABLE.items()
        if (not about or entry.about in about)
        and changes in (None, entry.changes)
        and by_child in (None, entry.by_child)
    ]


def told(answer: httpx.Response) -> Any:
    """What an answer tells, without what it repeats of the request."""
    problem = answer.json() if answer.status_code >= 400 else {}
    return {
        "status": answer.status_code,
        **{name: problem.get(name) for name in ("type", "title", "detail", "errors", "retryable")},
    }


def is_hidden(door: Door, caller: str, row: Row) -> None:
    """The row is not there for the caller, in the words in which one that does not exist is not."""
    hidden, unknown = told(door.ask(caller, row)), told(door.ask(caller, UNKNOWN))
    assert hidden["status"] == 404, hidden
    assert hidden == unknown


def refused(answer: httpx.Response, kind: str) -> None:
    assert answer.status_code == (401 if kind == "unauthenticated" else 403), answer.text
    assert answer.json()["type"] == f"/problems/{kind}"


def test_every_operation_has_an_entry_and_every_entry_an_operation(document: dict[str, Any]) -> None:
    there = {
        operation["operationId"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if path.startswith("/v1/")
    }
    assert there - TABLE.keys() == set(), "say in tests/contract/access/table.py who may see what of these"
    assert TABLE.keys() - there == set()


@pytest.mark.parametrize("door", named(), indirect=True)
def test_nobody_gets_anything_without_a_token_a_scope_or_an_agreement_in_force(door: Door, world: World) -> None:
    refused(door.ask("nobody", world.own), "unauthenticated")
    refused(door.ask("revoked", world.own), "no-agreement")
    if door.needs_scope:
        refused(door.ask("without-scope", world.own), "forbidden")
    if door.needs_scope and door.entry.about is not About.ADMIN:
        refused(door.ask("administrator", world.own), "forbidden")


ROWS = (About.SCHOOL, About.CHILD, About.THING, About.AREA)
GOOD = (200, 201, 202)


@pytest.mark.parametrize("caller", LIMITED)
@pytest.mark.parametrize("door", named(*ROWS, About.MADE), indirect=True)
def test_what_is_anothers_answers_as_what_does_not_exist(door: Door, world: World, caller: str) -> None:
    is_hidden(door, caller, world.other)


@pytest.mark.parametrize("caller", LIMITED)
@pytest.mark.parametrize("door", named(About.WHOLE), indirect=True)
def test_what_is_of_more_than_some_schools_is_for_nobody_who_is_limited(door: Door, world: World, caller: str) -> None:
    for row in (world.own, world.other):
        is_hidden(door, caller, row)


@pytest.mark.parametrize("door", named(*ROWS, About.WHOLE, changes=False), indirect=True)
def test_what_is_hidden_is_there_for_who_sees_everything(door: Door, world: World) -> None:
    for row in (world.own, world.other):
        answer = door.ask("everybody", row)
        assert answer.status_code in GOOD, answer.text


@pytest.mark.parametrize("caller", LIMITED)
@pytest.mark.parametrize("door", named(*ROWS, changes=False), indirect=True)
def test_what_is_ones_own_is_there(door: Door, world: World, caller: str) -> None:
    answer = door.ask(caller, world.own)
    assert answer.status_code in GOOD, answer.text
    assert not [trace for trace in world.other.traces if trace in answer.text]


@pytest.mark.parametrize("door", named(About.MADE), indirect=True)
def test_what_was_made_is_there_for_its_maker_alone(door: Door, world: World) -> None:
    for maker, row, others in (("school", world.own, ["authority", "everybody"]), ("everybody", world.other, LIMITED)):
        assert door.ask(maker, row).status_code == 200
        for caller in others:
            is_hidden(door, caller, row)


@pytest.mark.parametrize("caller", LIMITED)
@pytest.mark.parametrize("door", named(About.LIST), indirect=True)
def test_a_list_holds_nothing_of_others(door: Door, world: World, caller: str) -> None:
    answer = door.ask(caller, world.own)
    assert answer.status_code == 200
    assert not [trace for trace in world.other.traces if trace in answer.text]


@pytest.mark.parametrize("door", named(by_child=True), indirect=True)
def test_who_is_limited_to_cohorts_sees_their_children_and_no_others(door: Door, world: World) -> None:
    answer = door.ask("cohort", world.own)
    assert answer.status_code == 200, answer.text
    is_hidden(door, "cohort", world.child_outside)


OF_MANY = [name for name in named(by_child=False) if TABLE[name].about is not About.SHARED]


@pytest.mark.parametrize("door", OF_MANY, indirect=True)
def test_who_is_limited_to_cohorts_gets_nothing_that_is_of_other_children(door: Door, world: World) -> None:
    refused(door.ask("cohort", world.own), "cohorts-only")


@pytest.mark.parametrize("caller", ["everybody", "school", "authority", "cohort", "without-scope"])
@pytest.mark.parametrize("door", named(About.SHARED), indirect=True)
def test_what_is_nobodys_is_for_everybody(door: Door, world: World, caller: str) -> None:
    assert door.ask(caller, world.own).status_code == 200


@pytest.mark.parametrize("door", named(About.ADMIN), indirect=True)
def test_agreements_are_made_by_who_is_not_limited(door: Door, world: World) -> None:
    for caller in LIMITED:
        refused(door.ask(caller, world.own), "forbidden")
    if door.method not in CHANGING:
        assert door.ask("administrator", world.own).status_code == 200
