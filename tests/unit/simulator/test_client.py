"""The posting client repeats what may be repeated, and says clearly what it was refused."""

import httpx
import pytest
from simulator import authority
from simulator.client import Api, Poster, RefusedError
from simulator.mis import Mis


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
            return httpx.Response(first, json={"title": "not now"})
        return httpx.Response(200, json={"school_urn": 900001, "sequence": len(self.requests), "marks": []})

    def api(self) -> Api:
        transport = httpx.MockTransport(self.answer)
        return Api(httpx.AsyncClient(transport=transport, base_url="http://product"), self.token)


async def test_a_register_is_sent_again_after_a_lost_connection_and_while_the_product_is_away() -> None:
    product = Product(httpx.ConnectError, httpx.ReadError, 503)
    assert (await product.api().put("/v1/schools/900001/registers/2025-09-02/AM", {"marks": []}))["sequence"] == 4
    assert len({request.content for request in product.requests}) == 1


async def test_an_expired_token_is_renewed_once() -> None:
    product = Product(401)
    await product.api().get("/v1/tasks")
    assert [request.headers["Authorization"] for request in product.requests] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 500])
async def test_a_refusal_is_not_repeated(status: int) -> None:
    product = Product(status)
    with pytest.raises(RefusedError, match=str(status)):
        await product.api().put("/v1/schools/900001", {})
    assert len(product.requests) == 1


async def test_each_school_counts_its_versions_up_and_the_last_sequence_is_kept() -> None:
    product = Product()
    poster = Poster(product.api(), Mis(authority.build(40)), at_once=1)
    for register in list(poster.mis.registers(0, 0))[:3]:
        await poster.put_register(register)
    versions: dict[str, list[int]] = {}
    for request in product.requests:
        versions.setdefault(request.url.path.split("/")[3], []).append(
            int(request.content.split(b'"source_version":')[1].split(b"}")[0])
        )
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values())
    assert poster.posted.registers == 3
    assert poster.posted.sequences[900001] == 3
