"""Where a command finds the databases: a server that was named, a running product's, or a stopped folder's own."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from rollcall.cli import CommandError
from rollcall.folder import Folder, InUseError
from rollcall.postgres import Postgres


@contextmanager
def server(options: argparse.Namespace) -> Iterator[str]:
    """The server's URL. A stopped folder's PostgreSQL is started, and stopped afterwards."""
    if options.database:
        yield options.database
        return
    if not options.data.is_dir():
        raise CommandError(f"there is no data folder {options.data}")
    folder = Folder(options.data)
    try:
        locks = folder.take()
    except InUseError:
        if (running := folder.running()) is None:
            raise
        yield running.database
        return
    try:
        if not (folder.postgres / "PG_VERSION").exists():
            raise CommandError(f"{folder.path} holds no data yet")
        postgres = Postgres(folder.postgres)
        postgres.start()
        try:
            yield postgres.url
        finally:
            postgres.stop()
    finally:
        locks.release()
