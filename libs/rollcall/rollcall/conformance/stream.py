"""What a school's system sent and was answered, in order, and registers as they are read from it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

_REGISTER = re.compile(r"/v1/schools/([0-9]+)/registers/([0-9-]+)/(AM|PM)")
_KEYS = ("pupil_id", "upn", "local_id")

Slot = tuple[int, str, str]
"""School, date, session."""
Key = tuple[str, str]
"""How a mark names its pupil: the field, and what it says."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. `at`, `ended`: seconds since the kit began; `sent`, `answer`: JSON, or None;
    `status` 0: the caller got no answer; `fault`: what was planted; `key`: its Idempotency-Key.
    """

    method: str
    path: str
    query: str = ""
    sent: Any = None
    digest: str = ""
    status: int = 200
    answer: Any = None
    at: float = 0.0
    ended: float = 0.0
    request_id: str = ""
    fault: str | None = None
    key: str | None = None

    @property
    def taken(self) -> bool:
        """Whether the product did what was asked; the caller may not have heard of it."""
        return 200 <= self.status < 300 or self.fault == "lost-answer"

    def __str__(self) -> str:
        return f"{self.method} {self.path} (request {self.request_id})"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of a register that was taken, with the status and the problem that it was answered with."""

    register: "Register"
    key: Key
    sent: Mapping[str, Any]
    pupil_id: str | None
    status: str
    problem: str | None

    @property
    def place(self) -> tuple[Slot, str]:
        """The mark's own place: its slot and its pupil, by the pupil's id where it is known."""
        return self.register.slot, self.pupil_id or ":".join(self.key)


@dataclass(frozen=True)
class Register:
    """A `PUT` of a register."""

    exchange: Exchange
    slot: Slot
    number: int = field(default=0)
    """Its place among all exchanges."""

    @property
    def version(self) -> int | None:
        """Its `source_version`."""
        return self._body.get("source_version")

    @cached_property
    def marks(self) -> list[Mark]:
        """Its marks with their answers; none of a register that was refused."""
        told = _list(self.exchange.answer, "marks")
        return [
            Mark(self, _key(sent), sent, its.get("pupil_id"), its["status"], (its.get("problem") or {}).get("code"))
            for sent, its in zip(_list(self._body, "marks"), told, strict=False)
        ]

    @property
    def _body(self) -> Mapping[str, Any]:
        return self.exchange.sent if isinstance(self.exchange.sent, dict) else {}


class Stream:
    """All that went through."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self.exchanges = tuple(exchanges)

    @cached_property
    def registers(self) -> list[Register]:
        """The registers that were put, refused ones included."""
        found: list[Register] = []
        for number, exchange in enumerate(self.exchanges):
            there = _REGISTER.fullmatch(exchange.path)
            if there is not None and exchange.method == "PUT":
                found.append(Register(exchange, (int(there[1]), there[2], there[3]), number))
        return found

    @cached_property
    def marks(self) -> list[Mark]:
        """The marks of all registers that were taken, in order."""
        return [mark for register in self.registers if register.exchange.taken for mark in register.marks]

    def asked(self, method: str, pattern: str) -> Iterator[tuple[int, Exchange]]:
        """The requests of a method whose path matches, with their places."""
        for number, exchange in enumerate(self.exchanges):
            if exchange.method == method and re.fullmatch(pattern, exchange.path):
                yield number, exchange

    def rolls(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The rows of all rolls that were taken, with the places of the rolls."""
        for number, exchange in self.asked("PUT", r"/v1/schools/[0-9]+/roll"):
            if exchange.taken:
                for row in _list(exchange.sent, "pupils"):
                    yield number, row


def _key(mark: Mapping[str, Any]) -> Key:
    return next(((name, str(mark[name])) for name in _KEYS if mark.get(name) is not None), ("", ""))


def _list(body: Any, name: str) -> list[dict[str, Any]]:
    """The objects of a list in a body; none where there is no such list."""
    found: Any = cast("dict[str, Any]", body).get(name) if isinstance(body, dict) else None
    return [one for one in cast("list[Any]", found) if isinstance(one, dict)] if isinstance(found, list) else []
