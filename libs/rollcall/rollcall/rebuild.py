"""`rollcall rebuild`: a service that follows the ledgers empties what they can tell again, and reads them anew.

A running service notices within seconds, a stopped one when it starts. Nobody is evaluated before all of a child's
schools are past where they were, so that nothing is announced unless something was wrong.
"""

import argparse
import asyncio
from importlib import import_module

import asyncpg
from common.db import Database, database_url
from common.logs import configure_logging

from rollcall.cli import CommandError
from rollcall.services import package_of
from rollcall.where import server


def main(options: argparse.Namespace) -> int:
    """Prints the new epoch, and what to do where the topic no longer holds the ledgers' beginning."""
    configure_logging("warning")
    with server(options) as place:
        epoch = asyncio.run(_rebuild(place.url, options.service))
    print(f"{options.service}: epoch {epoch}, the ledgers are read again from the beginning of their topic")
    print("what the topic no longer holds is sent again by: rollcall republish --service registers")
    return 0


async def _rebuild(url: str, service: str) -> int:
    actions = import_module(f"{package_of(service)}.actions.rebuild")
    try:
        database = await Database.open(database_url(url, service))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CommandError(f"the database of {service} does not answer: {error}") from error
    try:
        return int(await actions.rebuild(database))
    except asyncpg.UndefinedTableError as error:
        raise CommandError(f"the database of {service} holds no data yet") from error
    finally:
        await database.close()
