"""The documents that the running product serves: OpenAPI 3.1 and AsyncAPI 3, checked against what they describe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.e2e.product import Product

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.fixture(scope="module")
def openapi(product: Product) -> dict[str, Any]:
    return dict(httpx.get(f"{product.urls['registers']}/openapi.json").json())


@pytest.fixture(scope="module")
def asyncapi(product: Product) -> dict[str, Any]:
    return dict(httpx.get(f"{product.urls['registers']}/asyncapi.json").json())


def operations(openapi: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, found) for path, methods in openapi["paths"].items() for method, found in methods.items()]


def test_the_openapi_document_is_valid_3_1(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1.")
    validate(openapi)


def test_every_operation_has_an_id_of_its_own_a_summary_and_a_tag(openapi: dict[str, Any]) -> None:
    found = [operation["operationId"] for _, _, operation in operations(openapi)]
    assert len(found) == len(set(found))
    assert not [path for path, _, operation in operations(openapi) if not operation.get("summary")]
    known = {tag["name"] for tag in openapi["tags"]}
    for path, _, operation in operations(openapi):
        assert set(operation.get("tags", ["none"])) <= known, path


def test_every_path_below_v1_needs_a_token_and_no_other_does(openapi: dict[str, Any]) -> None:
    for path, method, operation in operations(openapi):
        secured = any("bearer" in scheme for scheme in operation.get("security", []))
        assert secured == path.startswith("/v1/"), (method, path)


def test_every_error_is_described_as_a_problem(openapi: dict[str, Any]) -> None:
    for path, method, operation in operations(openapi):
        if path.startswith("/oauth/"):
            continue
        for status, answer in operation["responses"].items():
            if status.isdigit() and int(status) >= 400:
                content = answer["content"]["application/problem+json"]
                assert content["schema"]["$ref"].endswith("/ProblemDocument"), (method, path, status)
                assert content["example"]["status"] == int(status)
        if path.startswith("/v1/"):
            assert {"400", "401", "403", "404", "422", "503"} <= set(operation["responses"]), (method, path)


def test_what_became_of_a_batch_has_examples_of_its_lines(openapi: dict[str, Any]) -> None:
    paths = {
        path: found["get"]["responses"]["200"]["content"]
        for path, found in openapi["paths"].items()
        if "/jobs/" in path
    }
    results = paths["/v1/jobs/{job_id}/results"]["application/x-ndjson"]["example"].splitlines()
    assert [json.loads(line)["status"] for line in results] == ["accepted", "quarantined"]
    header, *rows = paths["/v1/jobs/{job_id}/errors.csv"]["text/csv"]["example"].splitlines()
    assert header.startswith("line,pointer,school_urn,")
    assert [len(row.split(",")) for row in rows] == [len(header.split(","))]


def test_every_answer_below_v1_has_an_example_that_its_schema_allows(openapi: dict[str, Any]) -> None:
    for path, method, operation in operations(openapi):
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        content = good.get("content", {}).get("application/json")
        if not path.startswith("/v1/") or content is None:
            continue
        assert "example" in content, (method, path)
        schema = {"components": openapi["components"], **content["schema"]}
        assert not [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])], path


def test_every_status_of_every_operation_has_an_example(openapi: dict[str, Any]) -> None:
    without = [
        (method, path, status, kind)
        for path, method, operation in operations(openapi)
        for status, answer in operation["responses"].items()
        for kind, content in answer.get("content", {}).items()
        if not {"example", "examples"} & set(content)
    ]
    bare = {
        status
        for _, _, operation in operations(openapi)
        for status, answer in operation["responses"].items()
        if "content" not in answer
    }
    assert not without
    assert bare <= {"204", "304", "308"}, "only these have nothing to show"


def test_every_answer_that_tells_how_far_it_is_counted_says_as_of_which_day(openapi: dict[str, Any]) -> None:
    shown = {
        operation["operationId"]: example
        for _, _, operation in operations(openapi)
        for status, answer in operation["responses"].items()
        if status == "200"
        and isinstance(example := answer.get("content", {}).get("application/json", {}).get("example"), dict)
    }
    counted = {name: example for name, example in shown.items() if "freshness" in example}
    assert {"getAbsence", "listWork", "askWhatIf"} <= set(counted)
    assert not [name for name, example in counted.items() if "as_of" not in example]


def test_every_path_of_the_contract_is_there(openapi: dict[str, Any]) -> None:
    """Names of parameters may differ from the contract's; places may not."""
    there = {(method.upper(), path) for path, method, _ in operations(openapi)}
    contract = (Path(__file__).parent / "paths.txt").read_text().split("\n")
    missing = [line for line in contract if line and tuple(line.split()) not in there]
    assert not missing


def test_every_path_without_a_token_answers_401_as_a_problem(product: Product, openapi: dict[str, Any]) -> None:
    with httpx.Client(base_url=product.urls["registers"]) as client:
        for path, method, operation in operations(openapi):
            if not path.startswith("/v1/"):
                continue
            answer = client.request(method, filled(path, operation), json={} if method in ("put", "post") else None)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["type"] == "/problems/unauthenticated"


def test_every_path_without_the_scope_answers_403_as_a_problem(product: Product, openapi: dict[str, Any]) -> None:
    with product.client(scope="letters:read") as one, product.client(scope="cases:read") as other:
        for path, method, operation in operations(openapi):
            needed = [scope for scheme in operation.get("security", []) for scope in scheme.get("bearer", [])]
            if needed:
                client = other if "letters:read" in needed else one
                answer = client.request(method, filled(path, operation), json={} if method in ("put", "post") else None)
                assert answer.status_code == 403, (method, path)
                assert answer.json()["type"] == "/problems/forbidden"


def test_every_path_answers_405_to_a_method_that_it_has_not(product: Product, openapi: dict[str, Any]) -> None:
    """Also where a name would be read as somebody's id by another path: `/v1/pupils/lookup`."""
    with product.client() as client:
        for path, methods in openapi["paths"].items():
            known = sorted({method.upper() for method in methods} | ({"HEAD"} if "get" in methods else set()))
            place = filled(path, next(iter(methods.values())))
            for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - {*known}:
                answer = client.request(method, place, json={} if method in ("PUT", "POST", "PATCH") else None)
                assert (answer.status_code, answer.headers.get("allow")) == (405, ", ".join(known)), (method, place)
                assert answer.json()["type"] == "/problems/method-not-allowed"


def test_every_get_is_answered_alike_when_only_its_head_is_asked_for(product: Product, openapi: dict[str, Any]) -> None:
    with product.client() as client:
        for path, method, operation in operations(openapi):
            if method == "get":
                whole, bare = (client.request(verb, filled(path, operation)) for verb in ("GET", "HEAD"))
                assert (bare.status_code, bare.content) == (whole.status_code, b""), path
                assert bare.headers.keys() == whole.headers.keys(), path
                assert bare.headers.get("content-type") == whole.headers.get("content-type"), path


def filled(path: str, operation: dict[str, Any]) -> str:
    """The path with values that fit its parameters' types."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            schema = parameter["schema"]
            fits = {"uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "date": "2025-09-15"}.get(schema.get("format", ""))
            value = fits or (schema.get("enum") or ["100001" if schema.get("type") == "integer" else "2025-26"])[0]
            path = path.replace("{" + parameter["name"] + "}", str(value))
    return path


def test_the_asyncapi_document_is_whole(asyncapi: dict[str, Any]) -> None:
    assert asyncapi["asyncapi"] == "3.0.0"
    assert set(asyncapi["channels"]) == {"registers", "consumers", "absence-engine", "casework", "notifications"}
    registry = Registry().with_resource("", Resource.from_contents(asyncapi, default_specification=DRAFT202012))
    resolver = registry.resolver()
    for reference in references(asyncapi):
        assert resolver.lookup(reference).contents is not None


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("$ref"), str):
            yield document["$ref"]
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for value in document:
            yield from references(value)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_golden_event_fits_its_schema(asyncapi: dict[str, Any], path: Path) -> None:
    event = json.loads(path.read_text())
    payload = asyncapi["components"]["messages"][event["type"]]["payload"]
    validator = Draft202012Validator({**payload, "components": asyncapi["components"]})
    assert not [error.message for error in validator.iter_errors(event)]
