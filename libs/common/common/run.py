"""Running services in this process: one web server, their background tasks, an orderly end."""

import asyncio
import contextlib
import gc
import resource
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI
from prometheus_client import start_http_server

from common.quotas import Quotas
from common.security import Verifier
from common.service import Background, Service
from common.settings import Settings
from common.web.app import create_app, readiness
from common.web.limits import Limits
from common.web.protocol import Bounds, Protocol, bounded, look_after

DRAIN_SECONDS = 3
FINISH_SECONDS, CUT_SECONDS, CLOSE_SECONDS = 3.5, 1.5, 2.5
"""How long tasks may take to finish, what is cut then to end, and connections to close: a process ends in ten."""
SPARE_FILES = 500
"""What a process has open beside its callers' connections, and then some."""
LOOK_SECONDS = 0.05
SWITCH_SECONDS = 0.0005

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the end of the process is decided here. It cuts who is too slow."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; connections are looked at each fifth time."""
        if counter % 5 == 0:
            look_after(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; OSError when the port is taken. Port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def allow_open_files(count: int) -> None:
    """Lets the process have that many files open, as far as the system allows it: a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def run(
    services: Sequence[Service],
    settings: Settings,
    *,
    verifier: Verifier,
    listener: socket.socket,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
) -> int:
    """Serves until `stop` is set; the exit status: 0, or 1 when a background task ended before that.

    `on_ready` is called once, when every part of every service does its work.
    """
    limits = Limits.of(settings)
    app = create_app(services, settings, verifier, limits)
    gc.freeze()  # what is there by now stays: a collection that looked through it would hold everybody up
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, settings.web_host)
    allow_open_files(settings.connections + SPARE_FILES)
    http = server(app, bounded(Bounds(connections=settings.connections)))
    web = asyncio.create_task(http.serve([listener]), name="web")
    loops = [asyncio.create_task(task.run(stop), name=task.name) for task in _background(services)]
    if (shared := next((service.database for service in services if service.database), None)) is not None:
        loops.append(asyncio.create_task(Quotas(shared, limits).run(stop), name="quotas"))
    announce = asyncio.create_task(_announce(services, http, stop, on_ready), name="announce")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([stopping, web, *loops], return_when=asyncio.FIRST_COMPLETED)
    crashed = not stop.is_set()
    stop.set()
    http.should_exit = True
    announce.cancel()
    failures = await _finish([web, *loops, announce])
    await _close(services)
    return 1 if crashed or failures else 0


async def _finish(tasks: Sequence[asyncio.Task[None]]) -> int:
    """Waits until they end, and cuts off what takes too long; how many failed."""
    _, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=CUT_SECONDS)
    failures = 0
    for task in tasks:
        if not task.done():
            log.error("task does not end", task=task.get_name())
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("task failed", task=task.get_name(), exc_info=error)
            failures += 1
    return failures


async def _close(services: Sequence[Service]) -> None:
    """Closes what they hold, in bounded time: what is not closed by then, the end of the process closes."""
    try:
        await asyncio.wait_for(asyncio.gather(*(service.close() for service in services)), CLOSE_SECONDS)
    except TimeoutError:
        log.warning("connections do not close in time")


def run_loop(work: Coroutine[None, None, int]) -> int:
    """Runs `work` on a uvloop of its own; its status.

    A batch makes tens of thousands of values that live until its end: looking for cycles among them every 700
    allocations, as Python does by default, costs a tenth of the CPU.
    What takes long is done in a thread. Whenever a request has to go on meanwhile it waits until that thread has had
    its turn, some ten times for a read: by default 5 ms each.
    """
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(work)
    gc.freeze()  # the interpreter's last collections would look through all there is, for seconds on a busy machine
    return status


def _background(services: Sequence[Service]) -> list[Background]:
    return [task for service in services for task in service.background]


def server(app: FastAPI, http: type[Protocol] = Protocol) -> uvicorn.Server:
    """A web server for an application, whose connections are `http`."""
    return _Server(
        uvicorn.Config(
            app,
            http=http,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )


async def _announce(
    services: Sequence[Service], http: uvicorn.Server, stop: asyncio.Event, on_ready: Callable[[], None]
) -> None:
    while not stop.is_set():
        if http.started and all(check.ok for check in await readiness(services)):
            on_ready()
            return
        await asyncio.sleep(LOOK_SECONDS)
