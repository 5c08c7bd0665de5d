"""Where a command finds the databases: a server that was named, a running product's, or a stopped folder's own."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rollcall.cli import CommandError
from rollcall.folder import Folder, InUseError
from rollcall.postgres import Postgres


@dataclass(frozen=True, slots=True)
class Place:
    """The URL of a database server, and whether the product is taken to be running on it."""

    url: str
    running: bool


@contextmanager
def server(options: argparse.Namespace) -> Iterator[Place]:
    """The server to work with. A stopped folder's PostgreSQL is started, and stopped afterwards."""
    if options.database:
        yield Place(options.database, running=True)
        return
    if not options.data.is_dir():
        raise CommandError(f"there is no data folder {options.data}")
    folder = Folder(options.data)
    try:
        locks = folder.take()
    except InUseError:
        if (running := folder.running()) is None:
            raise
        yield Place(running.database, running=True)
        return
    try:
        if not (folder.postgres / "PG_VERSION").exists():
            raise CommandError(f"{folder.path} holds no data yet")
        postgres = Postgres(folder.postgres)
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # not without stopping the server
        try:
            postgres.start()
            yield Place(postgres.url, running=False)
        finally:
            postgres.stop()
    finally:
        locks.release()
