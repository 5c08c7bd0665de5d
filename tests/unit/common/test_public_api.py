"""Who calls the public API repeats what may be repeated, and says clearly what was refused."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from common.public_api import Api, RefusedError
from common.retry_after import seconds_asked

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Product:
    """The council's outside of the client: an HTTP server that first answers what it is told to."""

    def __init__(self, *first: int | type[httpx.TransportError]) -> None:
        self._first = list(first)
        self.requests: list[httpx.Request] = []
        self.tokens = 0

    async def token(self) -> str:
        self.tokens += 1
        return f"token-{self.tokens}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._first:
            first = self._first.pop(0)
            if not isinstance(first, int):
                raise first("gone", request=request)
            problem = {"type": "/problems/not-now", "title": "not now"}
            return httpx.Response(first, json=problem, headers={"retry-after": "0"})
        return httpx.Response(200, json={"sequence": len(self.requests)})

    def api(self) -> Api:
        transport = httpx.MockTransport(self.answer)
        return Api(httpx.AsyncClient(transport=transport, base_url="http://product"), self.token)


async def test_a_write_is_sent_again_after_a_lost_connection_and_while_the_product_is_away() -> None:
    product = Product(httpx.ConnectError, httpx.ReadError, 503, 429)
    assert (await product.api().put("/v1/schools/900001/registers/2025-09-02/AM", {"marks": []}))["sequence"] == 5
    assert len({request.content for request in product.requests}) == 1


async def test_an_expired_token_is_renewed_once() -> None:
    product = Product(401)
    await product.api().get("/v1/tasks")
    assert [request.headers["Authorization"] for request in product.requests] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 500])
async def test_a_refusal_is_not_repeated(status: int) -> None:
    product = Product(status)
    with pytest.raises(RefusedError, match=str(status)) as refused:
        await product.api().delete("/v1/schools/900001/registers/2025-09-02/AM/marks/x", source_version=3)
    assert (refused.value.status, refused.value.kind) == (status, "not-now")
    assert [str(request.url.query, "ascii") for request in product.requests] == ["source_version=3"]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("7200", 300.0),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20.0),
        (format_datetime(NOW - timedelta(seconds=20), usegmt=True), 0.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date_within_reason(said: str, seconds: float | None) -> None:
    assert seconds_asked({"retry-after": said}, NOW, most=300) == seconds
