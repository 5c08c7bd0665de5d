"""What every service answers, whatever its routes are: shown on a service of two routes, over real HTTP semantics."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
from common.errors import ConflictError, MovedError, UnavailableError
from common.health import Health
from common.scopes import AUDIENCE
from common.security import Caller, FixedKeys, Verifier, needs
from common.service import Check, Service, part_of
from common.settings import Settings
from common.web.app import create_app
from common.web.bodies import LIMIT_BYTES
from common.web.conditions import TAGGED
from fastapi import APIRouter, Request, Response
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from prometheus_client import REGISTRY
from pydantic import BaseModel

KEY = ECKey.generate_key("P-256", {"kid": "k"})
router = APIRouter(tags=["Things"])
health = Health(ok=True)


class Thing(BaseModel):
    code: str
    marks: list[int] = []


@router.put("/v1/things/{number}", name="put_thing")
async def put_thing(number: int, thing: Thing, caller: Annotated[Caller, needs("registers:write")]) -> Thing:
    return thing


@router.get("/v1/things/{number}", name="get_thing")
async def get_thing(number: int, caller: Annotated[Caller, needs("registers:read")]) -> Thing:
    outcomes: dict[int, Exception] = {
        308: MovedError("/v1/things/1"),
        409: ConflictError("It is closed."),
        422: asyncpg.DataError("value out of range: 'Hazel'"),
        500: RuntimeError("a fault of ours, about Hazel"),
        503: UnavailableError("Not counted yet.", retry_after=7),
        504: ConnectionRefusedError("the database"),
    }
    if number in outcomes:
        raise outcomes[number]
    return Thing(code="/")


@router.get("/v1/kept", name="get_kept", responses=TAGGED)
async def get_kept(response: Response, caller: Annotated[Caller, needs("registers:read")]) -> Thing:
    response.headers["ETag"] = '"now"'
    response.headers["Cache-Control"] = "max-age=5"
    return Thing(code="/")


@router.post("/v1/streams", name="post_stream")
async def post_stream(request: Request, caller: Annotated[Caller, needs("registers:write")]) -> dict[str, int]:
    sizes = [len(part) async for part in request.stream()]
    return {"bytes": sum(sizes), "largest": max(sizes)}


class Loop:
    name = "loop"

    async def run(self, stop: object) -> None: ...

    def health(self) -> Health:
        return health


async def database() -> Check:
    return Check("database", ok=True)


SERVICE = Service(
    name="things", router=router, background=(Loop(),), ready=(database,), streams=frozenset({"/v1/streams"})
)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with of(SERVICE) as client:
        yield client


def of(service: Service) -> httpx.AsyncClient:
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    app = create_app([service], Settings(database_url=""), Verifier(["us"], FixedKeys(keys)))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://rollcall")


def bearer(scope: str = "registers:write registers:read") -> dict[str, str]:
    claims = {"iss": "us", "aud": AUDIENCE, "sub": "s", "exp": 4_000_000_000, "scope": scope}
    return {"authorization": "Bearer " + jwt.encode({"alg": "ES256", "kid": "k"}, claims, KEY)}


def problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem document of an answer, whose fixed members are checked here."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"/problems/{kind}"
    assert document["status"] == status
    assert document["instance"] == answer.request.url.path
    assert document["correlation_id"] == answer.headers["x-correlation-id"]
    assert document["title"]
    assert document["detail"]
    return dict(document)


async def test_no_token_is_401_with_a_challenge(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/v1/things/1", "/v1/nothing"])
async def test_two_tokens_are_400(client: httpx.AsyncClient, path: str) -> None:
    good = bearer()["authorization"]
    for first, second in [(good, "Bearer none"), ("Bearer none", good), (good, good)]:
        answer = await client.get(path, headers=[("Authorization", first), ("authorization", second)])
        assert "Authorization" in problem(answer, 400, "malformed")["detail"]


async def test_a_bad_token_is_401_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1", headers={"authorization": "Bearer no.token.atall"})
    problem(answer, 401, "unauthenticated")


async def test_a_missing_scope_is_403(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1", headers=bearer("totals:read"))
    assert "registers:read" in problem(answer, 403, "forbidden")["detail"]


async def test_an_unknown_path_is_404(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/nothing"), 404, "not-found")


async def test_another_method_is_405_and_names_every_method_of_the_path(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/things/1")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD, PUT"
    assert (await client.post("/docs")).headers["allow"] == "GET, HEAD"


LENGTH = "content-length"
COUNTED = "ratelimit"
"""The one header that differs between two answers to the same request."""
GETS = [f"/v1/things{rest}" for rest in ("/1", "/409", "/308", "/one", "", "/1?on=%00")]
OTHERS = ["/v1/streams", "/docs", "/docs/start.js", "/problems/stale", "/openapi.json", "/health/live", "/health/ready"]


@pytest.mark.parametrize("path", [*GETS, *OTHERS])
async def test_head_is_answered_like_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    headers = {**bearer(), "x-correlation-id": "one-and-the-same"}
    whole, bare = await client.get(path, headers=headers), await client.head(path, headers=headers)
    assert (bare.status_code, bare.content) == (whole.status_code, b"")
    assert bare.headers.keys() == whole.headers.keys()
    assert all(bare.headers[name] == whole.headers[name] for name in bare.headers if name != COUNTED)
    assert whole.content or whole.status_code == 308


@pytest.mark.parametrize("known", ['"now"', 'W/"now"', '"then", "now"', '"then",W/"now"', "*"])
async def test_what_is_known_by_its_tag_is_not_sent_again(client: httpx.AsyncClient, known: str) -> None:
    headers = {**bearer(), "if-none-match": known, "x-correlation-id": "one-and-the-same"}
    whole = await client.get("/v1/kept", headers=headers | {"if-none-match": '"then"'})
    assert (whole.status_code, whole.json()["code"]) == (200, "/")
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/v1/kept", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")
        told = {name: value for name, value in answer.headers.items() if name != COUNTED}
        left_out = (LENGTH, "content-type", COUNTED)
        assert told == {name: value for name, value in whole.headers.items() if name not in left_out}


async def test_tags_may_come_in_headers_of_their_own(client: httpx.AsyncClient) -> None:
    tags = [("if-none-match", '"now"'), ("if-none-match", '"then"')]
    answer = await client.get("/v1/kept", headers=[*bearer().items(), *tags])
    assert answer.status_code == 304


async def test_a_tag_is_asked_for_in_vain_where_there_is_none_or_no_good_answer(client: httpx.AsyncClient) -> None:
    known = [(b"if-none-match", b'*, "now", \xff')]
    assert (await client.get("/v1/kept", headers=known)).status_code == 401
    authorised = [*((name.encode(), value.encode()) for name, value in bearer().items()), *known]
    assert (await client.get("/v1/things/1", headers=authorised)).status_code == 200
    assert (await client.get("/v1/things/409", headers=authorised)).status_code == 409


async def test_the_document_says_where_a_tag_may_be_asked_for(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    kept, thing = paths["/v1/kept"]["get"], paths["/v1/things/{number}"]["get"]
    assert "If-None-Match" in [one["name"] for one in kept["parameters"]]
    assert all("ETag" in kept["responses"][status]["headers"] for status in ("200", "304"))
    assert "304" not in thing["responses"]


async def test_head_needs_what_get_needs(client: httpx.AsyncClient) -> None:
    assert (await client.head("/v1/things/1")).status_code == 401
    assert (await client.head("/v1/things/1", headers=bearer("totals:read"))).status_code == 403
    answer = await client.head("/v1/streams", headers=bearer())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_head_is_measured_as_such_on_its_route(client: httpx.AsyncClient) -> None:
    await client.head("/v1/things/1", headers=bearer())
    labels = {"method": "HEAD", "route": "/v1/things/{number}", "status": "200"}
    assert REGISTRY.get_sample_value("rollcall_http_request_seconds_count", labels)


async def test_another_body_than_json_is_415(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/things/1", content=b"code=a", headers={**bearer(), "content-type": "text/plain"})
    problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize("body", [b'{"code": ', b"\xff", b'{"code": "\\u0000"}', b"[" * 100_000, b"1" * 5000])
async def test_a_body_that_can_not_be_read_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {**bearer(), "content-type": "application/json"}
    problem(await client.put("/v1/things/1", content=body, headers=headers), 400, "malformed")


async def test_an_address_with_nul_is_400(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/things/1?on=%00", headers=bearer()), 400, "malformed")


async def test_wrong_values_are_422_and_say_where(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/things/1", json={"code": 5, "marks": [1, "x"]}, headers=bearer())
    found = problem(answer, 422, "invalid")["errors"]
    assert [(fault["pointer"], fault["code"]) for fault in found] == [
        ("/code", "string-type"),
        ("/marks/1", "int-parsing"),
    ]


async def test_a_wrong_value_in_the_address_is_422_and_names_the_parameter(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/one", headers=bearer())
    assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "number"


async def test_what_was_wrong_is_never_quoted(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/things/1", json={"code": "/", "marks": ["Hazel Nutt"]}, headers=bearer())
    assert "Hazel" not in answer.text


async def test_a_declared_body_over_the_limit_is_413_before_it_is_read(client: httpx.AsyncClient) -> None:
    headers = {**bearer(), "content-type": "application/json", "content-length": str(LIMIT_BYTES + 1)}
    answer = await client.put("/v1/things/1", content=never_read(), headers=headers)
    problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"


async def test_a_body_in_chunks_over_the_limit_is_413_as_soon_as_it_is(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            assert sent <= LIMIT_BYTES + 2 * 65536, "it went on reading"
            yield b" " * 65536

    headers = {**bearer(), "content-type": "application/json"}
    problem(await client.put("/v1/things/1", content=endless(), headers=headers), 413, "too-large")


async def never_read() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize("path", ["/v1/things/1", "/v1/streams", "/v1/nothing"])
@pytest.mark.parametrize("authorization", [{}, {"authorization": "Bearer no.token.atall"}], ids=["none", "bad"])
async def test_the_body_of_somebody_without_a_good_token_is_not_read(
    client: httpx.AsyncClient, path: str, authorization: dict[str, str]
) -> None:
    headers = {"content-type": "application/json", "content-length": "5", **authorization}
    answer = await client.request("PUT" if "things" in path else "POST", path, content=never_read(), headers=headers)
    problem(answer, 404 if "nothing" in path else 401, "not-found" if "nothing" in path else "unauthenticated")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/v1/things/1", "/v1/streams"])
async def test_a_packed_body_is_415_and_not_unpacked(client: httpx.AsyncClient, path: str) -> None:
    headers = {**bearer(), "content-type": "application/json", "content-encoding": "gzip", "content-length": "5"}
    answer = await client.request("PUT" if "things" in path else "POST", path, content=never_read(), headers=headers)
    assert "Content-Encoding" in problem(answer, 415, "unsupported-media-type")["detail"]
    assert answer.headers["connection"] == "close"


async def test_every_answer_says_what_a_browser_may_do_with_it(client: httpx.AsyncClient) -> None:
    for path in ("/v1/things/1", "/v1/nothing", "/health/live", "/docs", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors" in headers["content-security-policy"]
        assert headers["strict-transport-security"].startswith("max-age=")


async def test_an_answer_tells_how_many_requests_are_left(client: httpx.AsyncClient) -> None:
    read = await client.get("/v1/things/1", headers=bearer())
    written = await client.put("/v1/things/1", json={"code": "/"}, headers=bearer())
    assert read.headers["ratelimit-policy"] == '"reads";q=600000;w=60'
    assert read.headers["ratelimit"] == '"reads";r=599999;t=1'
    assert written.headers["ratelimit-policy"] == '"writes";q=600000;w=60'
    assert "ratelimit" not in (await client.get("/v1/things/1")).headers


async def test_the_document_says_how_a_client_is_limited(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/openapi.json")).json()["paths"]["/v1/things/{number}"]["put"]["responses"]["429"]
    assert answer["headers"].keys() == {"RateLimit", "RateLimit-Policy", "Retry-After"}
    assert answer["content"]["application/problem+json"]["example"]["type"] == "/problems/too-many-requests"


async def test_a_body_of_exactly_the_limit_is_read(client: httpx.AsyncClient) -> None:
    body = json.dumps({"code": "/"}).encode().ljust(LIMIT_BYTES)
    headers = {**bearer(), "content-type": "application/json"}
    assert (await client.put("/v1/things/1", content=body, headers=headers)).status_code == 200


async def test_a_named_outcome_has_its_status(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/409", headers=bearer())
    assert problem(answer, 409, "conflict")["detail"] == "It is closed."


async def test_a_value_that_the_database_refuses_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/422", headers=bearer())
    problem(answer, 422, "invalid")
    assert "Hazel" not in answer.text


async def test_not_now_is_503_and_says_when(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/503", headers=bearer())
    assert problem(answer, 503, "unavailable")["retryable"] is True
    assert answer.headers["retry-after"] == "7"


async def test_a_database_away_is_503(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/504", headers=bearer())
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_a_fault_of_ours_is_500_and_tells_nothing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/500", headers=bearer())
    problem(answer, 500, "internal")
    assert "Hazel" not in answer.text


async def test_a_merged_child_is_308_with_the_parameters_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/308?from=2025-09-01", headers=bearer())
    assert answer.status_code == 308
    assert answer.headers["location"] == "/v1/things/1?from=2025-09-01"


async def test_every_kind_of_problem_has_its_page(client: httpx.AsyncClient) -> None:
    index = await client.get("/problems")
    assert index.status_code == 200
    for kind in ("not-found", "invalid", "too-large", "malformed", "internal", "unavailable"):
        assert f"/problems/{kind}" in index.text
        assert (await client.get(f"/problems/{kind}")).status_code == 200
    problem(await client.get("/problems/unheard-of"), 404, "not-found")


async def test_personal_data_is_never_cached(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/v1/things/1", headers=bearer()), await client.get("/v1/things/1")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_callers_correlation_id_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1", headers={**bearer(), "x-correlation-id": "mis-77"})
    assert answer.headers["x-correlation-id"] == "mis-77"


async def test_readiness_names_what_does_not_work(client: httpx.AsyncClient) -> None:
    global health
    assert (await client.get("/health/ready")).json()["status"] == "ready"
    health = Health(ok=True, degraded=True, detail="the broker is away")
    degraded = await client.get("/health/ready")
    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    health = Health(ok=False, detail="stuck")
    found = problem(await client.get("/health/ready"), 503, "unavailable")["errors"]
    health = Health(ok=True)
    assert found == [{"pointer": "things/loop", "code": "not-ready", "detail": "stuck"}]
    assert (await client.get("/health/live")).json() == {"status": "live"}


async def test_requests_are_measured_by_route_and_never_by_address(client: httpx.AsyncClient) -> None:
    await client.get("/v1/things/123456", headers=bearer())
    measured = (await client.get("/metrics")).text
    assert 'route="/v1/things/{number}"' in measured
    assert "123456" not in measured


async def test_the_pages_load_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("<!doctype", "")
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert (await client.get(f"/docs/{asset}")).status_code == 200
    problem(await client.get("/docs/passwd"), 404, "not-found")


async def test_a_route_that_streams_gets_its_body_as_it_comes(client: httpx.AsyncClient) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"\xff" * (LIMIT_BYTES // 4)

    headers = bearer() | {"content-type": "text/csv"}
    answer = await client.post("/v1/streams", content=parts(), headers=headers)
    assert answer.json() == {"bytes": 9 * (LIMIT_BYTES // 4), "largest": LIMIT_BYTES // 4}
    problem(await client.post("/v1/streams", content=b"x" * 10), 401, "unauthenticated")


async def test_the_part_that_answers_has_all_routes_and_waits_for_no_loop_but_what_it_hears_by() -> None:
    hearing = Loop()
    whole = replace(SERVICE, background=(Loop(), hearing), listening=(hearing,))
    web = part_of(whole, "web")
    assert list(web.background) == [hearing]
    async with of(web) as client:
        assert (await client.get("/v1/things/2", headers=bearer())).status_code == 200
        assert (await client.get("/health/ready")).json()["checks"] == {"things/loop": "ok", "database": "ok"}


async def test_the_part_that_works_answers_for_its_health_and_its_metrics_alone() -> None:
    async with of(part_of(SERVICE, "work")) as client:
        problem(await client.get("/v1/things/2", headers=bearer()), 404, "not-found")
        assert (await client.get("/health/ready")).json()["checks"] == {"things/loop": "ok", "database": "ok"}
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {path for path in paths if path.startswith("/v1")} == set()
