"""A simulated year on a running system: the authority set up over HTTP, its registers sent by the cheap sender."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from common.public_api import connect
from simulator import authority
from simulator.client import Poster
from simulator.mis import Mis, Register

from tests.bench import load
from tests.bench.load import Request
from tests.bench.system import System


@dataclass
class Year:
    """Plays the school days of one authority; `sequences` are the schools' last ledger numbers."""

    product: System
    mis: Mis
    reader: str
    sequences: dict[int, int]
    marks: int = 0

    @classmethod
    def set_up(cls, product: System, pupils: int) -> "Year":
        mis = Mis(authority.build(pupils))

        async def post() -> str:
            async def token() -> str:
                return product.token

            async with connect(product.url, token) as api:
                await Poster(api, mis).set_up()
                urn, register = next(iter((register.urn, register) for register in mis.registers(0, 0)))
                local_id = register.body["marks"][0]["local_id"]
                answer = await api.post("/v1/pupils/lookup", {"school_urn": urn, "local_id": local_id})
                return str(answer["pupil_id"])

        return cls(product, mis, asyncio.run(post()), {})

    def play(self, days: Iterable[int]) -> int:
        """Posts the registers and corrections of some days and waits until they are counted; the marks sent."""
        return self._send([*chain.from_iterable((*self._registers(day), *self._corrections(day)) for day in days)])

    def take(self, day: int) -> int:
        """Posts the registers of a day alone, as `play` does."""
        return self._send(list(self._registers(day)))

    def correct(self, day: int) -> int:
        """Posts what is put right on a day alone, as `play` does."""
        return self._send(list(self._corrections(day)))

    def _send(self, work: Sequence[tuple[Request, int]]) -> int:
        marks = sum(count for _, count in work)

        async def send() -> None:
            answers = await load.closed_loop(self.product.url, self.product.token, (request for request, _ in work))
            self.sequences |= load.last_sequences(answers, accepted_only=False)
            await load.wait_for_engine(self.product.engine_url, self.product.token, self.reader, self.sequences)

        asyncio.run(send())
        self.marks += marks
        return marks

    def _registers(self, day: int) -> Iterator[tuple[Request, int]]:
        for session in (0, 1):
            yield from map(_request, self.mis.registers(day, session))

    def _corrections(self, day: int) -> Iterator[tuple[Request, int]]:
        yield from map(_request, self.mis.corrections(day))


def _request(register: Register) -> tuple[Request, int]:
    return Request(register.path, json.dumps(register.body).encode()), len(register.body["marks"])
