"""The process that does the work of `rollcall up`: all services, the issuer, one web server.

Started by the supervisor (`up`) with its options as JSON. It listens on a socket that it inherits, says `ready` over
the lifeline, and ends when the lifeline does: then the supervisor is gone, and what it looked after ends with it.
"""

import asyncio
import contextlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import structlog
from common.logs import configure_logging
from common.run import run, run_loop, stop_on_signals
from common.security import FixedKeys, Verifier
from common.service import Service
from common.settings import Settings
from pydantic import ValidationError

from rollcall import issuer
from rollcall.alone import in_words, open_broker
from rollcall.cli import SERVICES
from rollcall.clients import Clients
from rollcall.folder import Folder
from rollcall.issuer_api import create_issuer
from rollcall.postgres import Postgres
from rollcall.sandbox import state as sandboxes
from rollcall.services import factory
from rollcall.worker_options import AGAIN, READY, REFUSED, Options

if TYPE_CHECKING:
    from rollcall.sandbox.api import Sandbox

DATABASE_SECONDS, PATIENCE_SECONDS = 60.0, 5.0

log = structlog.get_logger()


def main(options: Options) -> int:
    """Works until told to stop. Its status: 0, 1 when it could not go on, or REFUSED."""
    folder = Folder(Path(options.data))
    keys = issuer.load(folder.issuer)
    try:
        settings = settings_for(options, folder, keys)
        _check(options.database)
    except ValidationError as error:
        return _refuse(in_words(error))
    except ValueError as error:
        return _refuse(f"--database is no PostgreSQL URL: {error}")
    configure_logging(settings.log_level)
    lifeline = socket.socket(fileno=options.lifeline)
    lifeline.setblocking(False)
    return run_loop(_work(options, settings, keys, lifeline))


def _check(database: str) -> None:
    """ValueError unless asyncpg could read the URL: it says so only when it connects."""
    parts = urlsplit(database)
    if parts.scheme not in ("postgresql", "postgres") or (parts.port or 1) < 1:
        raise ValueError("it begins with postgresql://")


def _refuse(why: str) -> int:
    print(f"rollcall: {why}", file=sys.stderr, flush=True)
    return REFUSED


async def _work(options: Options, settings: Settings, keys: issuer.Issuer, lifeline: socket.socket) -> int:
    stop = stop_on_signals()
    watch = asyncio.create_task(_watch(lifeline, stop))
    status = 0
    if await _database_answers(settings.database_url, stop):
        listener = socket.socket(fileno=options.listener)
        sandbox = await _sandbox(options, settings, keys, listener, stop)
        broker = open_broker(settings)
        try:
            services: list[Service] = [await factory(name)(settings, broker) for name in SERVICES]
            clients = Clients(Folder(Path(options.data)).clients)
            services.append(create_issuer(keys, f"http://127.0.0.1:{options.port}", clients))
            if sandbox is not None:
                services.append(sandbox.service())
            status = await run(
                services,
                settings,
                verifier=Verifier(keys.issuers(), FixedKeys(keys.key_set()), revoked=clients.is_revoked),
                listener=listener,
                stop=stop,
                on_ready=lambda: _say_ready(lifeline),
            )
        finally:
            await broker.close()
        if sandbox is not None and sandbox.again:
            status = AGAIN
    if watch.done() and options.embedded:
        await asyncio.to_thread(Postgres(Folder(Path(options.data)).postgres).stop)
    watch.cancel()
    return status


async def _sandbox(
    options: Options, settings: Settings, keys: issuer.Issuer, listener: socket.socket, stop: asyncio.Event
) -> "Sandbox | None":
    """The sandbox, if it is to be one; no other product loads what it takes."""
    if not options.sandbox:
        return None
    from rollcall.sandbox.api import begin

    return await begin(Folder(Path(options.data)), settings, keys, listener, stop)


def settings_for(options: Options, folder: Folder, keys: issuer.Issuer) -> Settings:
    """The environment's settings, with what the embedded mode knows by itself in their place."""
    url = f"http://127.0.0.1:{options.port}"
    fixed: dict[str, object] = {
        "database_url": options.database,
        "kafka": options.kafka,
        "port": options.port,
        "registers_url": url,
        "token_url": f"{url}/oauth/token",
        "client_id": keys.service_client["id"],
        "client_secret": keys.service_client["secret"],
    }
    if "ROLLCALL_HOUSEHOLD_KEY" not in os.environ:
        fixed["household_key"] = folder.household_key()
    if not {"ROLLCALL_KEYS", "ROLLCALL_LOOKUP_KEY"} & os.environ.keys():
        fixed["keys"], fixed["lookup_key"] = folder.keys()
    if options.sandbox or "ROLLCALL_LETTERS_FOLDER" not in os.environ:
        folder.letters.mkdir(mode=0o700, exist_ok=True)
        fixed["letters_folder"] = folder.letters
    if options.sandbox:
        fixed["today"] = sandboxes.load(folder.sandbox).day
        fixed["smtp_url"] = None  # nobody is to hear of children who are made up
    return Settings(**fixed)  # type: ignore[arg-type]


async def _watch(lifeline: socket.socket, stop: asyncio.Event) -> None:
    """Returns, and stops the work, when the supervisor is gone. Nothing is ever sent to the worker."""
    with contextlib.suppress(OSError):
        await asyncio.get_running_loop().sock_recv(lifeline, 1)
    log.warning("supervisor gone")
    stop.set()


async def _database_answers(url: str, stop: asyncio.Event) -> bool:
    """Waits for the server, which is being started meanwhile; False when told to stop before."""
    began = asyncio.get_running_loop().time()
    told = False
    while not stop.is_set():
        try:
            await (await asyncpg.connect(url, timeout=5)).close()
            return True
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            waited = asyncio.get_running_loop().time() - began
            if waited > DATABASE_SECONDS:
                raise
            if waited > PATIENCE_SECONDS and not told:
                told = True
                log.warning("the database does not answer yet", error=type(error).__name__)
        await asyncio.sleep(0.05)
    return False


def _say_ready(lifeline: socket.socket) -> None:
    lifeline.send(READY)


if __name__ == "__main__":
    sys.exit(main(Options(**json.loads(sys.argv[1]))))
