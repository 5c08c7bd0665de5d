"""Putting a service together and running it: what it answers, what it does in the background, when it is ready.

`run` serves any number of services in one process: one web server, and one task for each thing that goes on in the
background. A task that ends by itself or with an error ends the process with status 1 (crash, don't limp); SIGTERM and
SIGINT drain it and end it with 0.

A process may have one part of a service alone (`part_of`): what answers, or what works in the background. The two meet
in the database only, as two replicas of the whole do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from fastapi import APIRouter

from common.access.directory import Directory
from common.db import Database
from common.health import Health
from common.web.links import Links

__all__ = ["Background", "Check", "Health", "Part", "Service", "part_of"]

Part = Literal["web", "work"]


@dataclass(frozen=True, slots=True)
class Check:
    """The answer of a readiness check."""

    name: str
    ok: bool
    degraded: bool = False
    detail: str = ""


class Background(Protocol):
    """Something that a service does all the time: its relay, its consumer, its sender."""

    @property
    def name(self) -> str: ...

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set, then finishes what is in flight and returns."""
        ...

    def health(self) -> Health:
        """Whether the loop is turning."""
        ...


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """One service, put together by its `main.create_service(settings, broker)`."""

    name: str
    router: APIRouter
    background: Sequence[Background] = ()
    listening: Sequence[Background] = ()
    """Those of `background` by which the API hears what other processes do."""
    ready: Sequence[Callable[[], Awaitable[Check]]] = ()
    close: Callable[[], Awaitable[None]] = _nothing
    tags: Sequence[Mapping[str, Any]] = field(default=())
    streams: frozenset[str] = frozenset()
    """Paths whose routes read their bodies themselves, piece by piece, whatever their length and type."""
    database: Database | None = None
    """Where its replicas tell each other what their callers have asked for."""
    consumers: Directory | None = None
    """What is agreed with each client, as the service knows it."""
    links: Links = field(default_factory=dict[str, Mapping[str, dict[str, str]]])


def part_of(service: Service, part: Part) -> Service:
    """The part of a service that answers (`web`), or the one that works in the background (`work`), which answers for
    its health and its metrics alone.
    """
    if part == "web":
        return replace(service, background=service.listening)
    return replace(service, router=APIRouter(), tags=(), streams=frozenset[str](), links={})
