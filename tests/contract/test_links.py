"""The links of the OpenAPI document: followed by hand from an answer's example, each leads to an operation that takes
what it is given.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import absence_engine.api
import casework.api
import httpx
import notifications.api
import pytest
import registers.api
from jsonschema import Draft202012Validator, FormatChecker

from tests.e2e.product import Product

TABLES = [registers.api.LINKS, absence_engine.api.LINKS, casework.api.LINKS, notifications.api.LINKS]
ANSWER, PATH = "$response.body#", "$request.path."


@pytest.fixture(scope="module")
def openapi(product: Product) -> dict[str, Any]:
    return dict(httpx.get(f"{product.urls['registers']}/openapi.json").json())


@pytest.fixture(scope="module")
def operations(openapi: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By operation id."""
    return {found["operationId"]: found for methods in openapi["paths"].values() for found in methods.values()}


def links(operations: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    """Source, target, link, and the example of the source's answer."""
    for source, operation in operations.items():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                example = answer.get("content", {}).get("application/json", {}).get("example")
                yield source, link["operationId"], link, example


def parameters(operation: dict[str, Any], places: tuple[str, ...] = ("path", "query")) -> dict[str, dict[str, Any]]:
    return {one["name"]: one["schema"] for one in operation.get("parameters", []) if one["in"] in places}


def test_every_link_of_a_service_is_in_the_document_of_all(operations: dict[str, dict[str, Any]]) -> None:
    said = {(source, target) for table in TABLES for source, targets in table.items() for target in targets}
    assert said == {(source, target) for source, target, _, _ in links(operations)}


def test_every_operation_with_an_id_in_its_path_follows_from_another(operations: dict[str, dict[str, Any]]) -> None:
    """Else nobody who reads the document, and no fuzzer, comes to it with an id that means something."""
    reached = {target for _, target, _, _ in links(operations)}
    with_id = {name for name, found in operations.items() if parameters(found, ("path",)).keys() - {"la_code"}}
    assert not with_id - reached


def test_every_link_gives_parameters_that_its_target_has(
    openapi: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    for source, target, link, example in links(operations):
        known = parameters(operations[target])
        for name, expression in link["parameters"].items():
            assert name in known, (source, target, name)
            if expression.startswith(PATH):
                assert expression.removeprefix(PATH) in parameters(operations[source], ("path",)), (source, target)
                continue
            assert expression.startswith(ANSWER), expression
            schema = {"components": openapi["components"], **known[name]}
            value = pointed_at(example, expression.removeprefix(ANSWER))
            validator = Draft202012Validator(schema, format_checker=FormatChecker())
            assert not list(validator.iter_errors(value)), (source, target, name, value)


def pointed_at(document: Any, pointer: str) -> Any:
    """What a JSON pointer points at."""
    steps = pointer.split("/")[1:]
    return reduce(lambda part, step: part[int(step)] if isinstance(part, list) else part[step], steps, document)
