"""The posting client counts versions, and what was taken."""

import httpx
from common.public_api import Api
from simulator import authority
from simulator.client import Poster
from simulator.mis import Mis


class Product:
    """The council's outside of the client: an HTTP server that takes everything."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    async def token(self) -> str:
        return "token"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json={"school_urn": 900001, "sequence": len(self.requests), "marks": []})

    def api(self) -> Api:
        transport = httpx.MockTransport(self.answer)
        return Api(httpx.AsyncClient(transport=transport, base_url="http://product"), self.token)


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
