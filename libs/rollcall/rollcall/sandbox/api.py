"""The sandbox's own routes: what there is to see, today's date, and the beginning again.

A date is a setting of the whole process, read once at its start. So to set it, and to begin again, the process ends as
it does on SIGTERM and the supervisor starts it anew at once, while callers wait in the backlog of the socket that it
holds. The answer is given when no more requests are taken: whatever is asked after it, the new process answers.
"""

import asyncio
import shutil
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from common.errors import Fault, InvalidError
from common.security import Caller, any_token, needs
from common.service import Health, Service
from common.settings import Settings
from fastapi import APIRouter

from rollcall.folder import Folder
from rollcall.issuer import OAUTH_SECONDS, Issuer
from rollcall.sandbox import seed, state
from rollcall.sandbox.authority import SCHOOLS
from rollcall.sandbox.magic import CODES, PUPILS
from rollcall.sandbox.shapes import ClockIn, ClockOut, CodeOut, ResetOut, SandboxOut, show_magic, show_school
from rollcall.sandbox.state import FIRST, LAST, State

TAG = "Sandbox"
ACCEPT_LOOK_SECONDS = 0.01

Maker = Callable[[], Coroutine[Any, Any, dict[str, str]]]
"""Makes the authority in an empty product; the ids that cannot be looked up, by the name of what they show."""
Anybody = Annotated[Caller, any_token()]
Writer = Annotated[Caller, needs("registers:write")]


class Sandbox:
    """The sandbox of this process. `again` is set when the supervisor is to start the process anew."""

    name = "sandbox"

    def __init__(self, path: Path, make: Maker, listener: socket.socket, stop: asyncio.Event) -> None:
        self.state = state.load(path)
        self.again = False
        self._path = path
        self._make = make
        self._listener = listener
        self._stop = stop

    def service(self) -> Service:
        """Its routes and its background work."""
        about = (
            "What the sandbox has to show, its clock, and its beginning again. No other installation has these paths."
        )
        return Service(
            name=self.name,
            router=create_router(self),
            background=(Making(self, self._make),),
            tags=[{"name": TAG, "description": about}],
        )

    async def change(self, to: State) -> None:
        """Writes down what is to be, and ends the process; returns when it takes no more requests."""
        state.save(self._path, to)
        self.again = True
        self._stop.set()
        while self._listener.fileno() >= 0:  # noqa: ASYNC110 - nothing tells that a socket has been closed
            await asyncio.sleep(ACCEPT_LOOK_SECONDS)

    def made(self, ids: dict[str, str]) -> None:
        """The authority is there."""
        self.state = replace(self.state, seeded=True, pupils=ids)
        if not self.again:
            state.save(self._path, self.state)


class Making:
    """Background work: makes the authority where there is none yet. The product is not ready before it is there."""

    name = "making"

    def __init__(self, sandbox: Sandbox, make: Maker) -> None:
        self._sandbox = sandbox
        self._make = make

    def health(self) -> Health:
        """Not ok until the authority is there."""
        made = self._sandbox.state.seeded
        return Health(ok=made, detail="" if made else "the authority is being made")

    async def run(self, stop: asyncio.Event) -> None:
        """Makes it, or is told to stop before."""
        ended = asyncio.create_task(stop.wait())
        if not self._sandbox.state.seeded:
            making = asyncio.create_task(self._make())
            await asyncio.wait([making, ended], return_when=asyncio.FIRST_COMPLETED)
            if not making.done():
                making.cancel()
            else:
                self._sandbox.made(making.result())
        await ended


def create_router(sandbox: Sandbox) -> APIRouter:
    """The sandbox's routes."""
    router = APIRouter(tags=[TAG])

    @router.get("/v1/sandbox", operation_id="getSandbox", summary="What there is to see, and which day it is")
    async def get_sandbox(caller: Anybody) -> SandboxOut:  # pyright: ignore[reportUnusedFunction]
        return SandboxOut(
            state="ready" if sandbox.state.seeded else "making",
            today=sandbox.state.day,
            schools=[show_school(urn) for urn in SCHOOLS],
            pupils=[show_magic(magic, sandbox.state.pupils) for magic in PUPILS],
            codes=[CodeOut(code=code, problem=problem) for code, problem in CODES.items()],
        )

    @router.put("/v1/sandbox/clock", operation_id="setSandboxClock", summary="Set the date of all services")
    async def set_clock(sent: ClockIn, caller: Writer) -> ClockOut:  # pyright: ignore[reportUnusedFunction]
        if not FIRST <= sent.today <= LAST:
            words = f"The sandbox has the days from {FIRST} to {LAST}."
            raise InvalidError(words, faults=[Fault("/today", "out-of-range", words)])
        if sent.today != sandbox.state.day:
            await sandbox.change(replace(sandbox.state, today=sent.today.isoformat()))
        return ClockOut(today=sent.today)

    @router.post("/v1/sandbox/reset", status_code=202, operation_id="resetSandbox", summary="Begin again")
    async def reset(caller: Writer) -> ResetOut:  # pyright: ignore[reportUnusedFunction]
        await sandbox.change(State(sandbox.state.secret))
        return ResetOut()

    return router


async def begin(
    folder: Folder, settings: Settings, keys: Issuer, listener: socket.socket, stop: asyncio.Event
) -> Sandbox:
    """The sandbox of a folder. Where its authority is not there, or not all of it, it begins with nothing at all."""
    url = f"http://127.0.0.1:{settings.port}"
    sandbox = Sandbox(folder.sandbox, lambda: seed.make(url, _own_token(keys)), listener, stop)
    if not sandbox.state.seeded:
        await seed.empty(settings.database_url)
        await asyncio.to_thread(shutil.rmtree, folder.letters, ignore_errors=True)
        folder.letters.mkdir(mode=0o700, exist_ok=True)
    return sandbox


def _own_token(keys: Issuer) -> str:
    return keys.sign("rollcall-sandbox", seed.SCOPES, None, OAUTH_SECONDS)
