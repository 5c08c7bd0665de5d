"""`rollcall republish`: puts part of a ledger, or the present state of episodes, tasks, letters, before the relay.

Harmless at any time: whoever reads them knows them by number, id or revision.
"""

import argparse
import asyncio
from importlib import import_module

import asyncpg
from common.db import database_url

from rollcall.cli import CommandError
from rollcall.services import package_of
from rollcall.where import server


def main(options: argparse.Namespace) -> int:
    """Prints how much will be sent; the running relay does it, or the next one to run."""
    if options.from_number is not None and options.service != "registers":
        raise CommandError("--from counts the entries of ledgers: --service registers")
    with server(options) as place:
        count = asyncio.run(_republish(place.url, options.service, options.school, options.from_number))
    print(f"{options.service}: {count} to be sent again")
    return 0


async def _republish(url: str, service: str, school: int | None, from_number: int | None) -> int:
    store = import_module(f"{package_of(service)}.store.republish")
    try:
        connection = await asyncpg.connect(database_url(url, service), timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CommandError(f"the database of {service} does not answer: {error}") from error
    try:
        async with connection.transaction():
            return await store.republish(connection, school=school, from_number=from_number)
    finally:
        await connection.close()
