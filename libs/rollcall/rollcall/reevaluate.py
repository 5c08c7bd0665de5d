"""`rollcall reevaluate`: all children of authorities are looked at once more, by the policies that are in force.

A running engine does it within seconds in its background, a stopped one when it starts. Asking again begins anew and
changes nothing else: nobody is told anything unless something was wrong.
"""

import argparse
import asyncio
from collections.abc import Collection

import asyncpg
from absence_engine.actions.policies import look_again
from common.clock import Clock
from common.db import Database, database_url
from common.errors import NotFoundError
from common.logs import configure_logging

from rollcall.cli import CommandError
from rollcall.where import server

SERVICE = "absence-engine"


def main(options: argparse.Namespace) -> int:
    """Prints each authority and the version that is applied to it, and where to see that it is done."""
    configure_logging("warning")
    with server(options) as place:
        versions = asyncio.run(_look_again(place.url, None if options.all else options.la))
    for la_code, version in versions.items():
        print(f"{la_code}: its children are looked at once more, by {version}")
    if not versions:
        print("no school is known: there is nobody to look at")
    print(f"until that is done, /health/ready of {SERVICE} says so under `policies`, and figures say `recalculating`")
    return 0


async def _look_again(url: str, la_codes: Collection[str] | None) -> dict[str, str]:
    try:
        database = await Database.open(database_url(url, SERVICE))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CommandError(f"the database of {SERVICE} does not answer: {error}") from error
    try:
        return await database.in_transaction(lambda tx: look_again(tx, la_codes, Clock()))
    except NotFoundError as error:
        raise CommandError(str(error)) from error
    except asyncpg.UndefinedTableError as error:
        raise CommandError(f"the database of {SERVICE} holds no data yet") from error
    finally:
        await database.close()
