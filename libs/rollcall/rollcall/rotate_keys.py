"""`rollcall rotate-keys`: seals everything that is kept of people under the first key of the ring, while services work.

First every process gets the new key before the old one, then this runs; when it has, the old one may go from the ring.
It may be ended and begun again at any time.
"""

import argparse
import asyncio
import os
from collections import Counter
from importlib import import_module

import asyncpg
from common.db import Database, database_url
from common.logs import configure_logging
from common.sealed import Keyring, UnreadableError
from pydantic import ValidationError

from rollcall.alone import in_words
from rollcall.cli import CommandError
from rollcall.folder import Folder
from rollcall.services import package_of
from rollcall.where import server

SEALING = ("registers", "absence-engine", "casework")
PASSES = 5
"""How often everything is gone through for what moved behind a pass that was under way."""


def main(options: argparse.Namespace) -> int:
    """Prints how many values of each column were sealed anew. Status 1 when a whole pass without any was not seen."""
    configure_logging("warning")
    ring = _keyring(options)
    with server(options) as place:
        left = [service for service in SEALING if not _is_done(place.url, service, ring)]
    if left:
        print(f"not everything is sealed with key {ring.current!r} yet, run it again: {', '.join(left)}")
        return 1
    print(f"everything is sealed with key {ring.current!r}")
    return 0


def _is_done(url: str, service: str, ring: Keyring) -> bool:
    """Goes through a service until nothing is left: a row that moves meanwhile may come to stand behind a pass."""
    total: Counter[str] = Counter()
    changed = 1
    for _ in range(PASSES):
        found = asyncio.run(_rotate(url, service, ring))
        total.update(found)
        changed = sum(found.values())
        if not changed:
            break
    for column, number in total.items():
        print(f"{service}: {column}: {number}")
    return not changed


def _keyring(options: argparse.Namespace) -> Keyring:
    """The environment's keys, else those of the folder."""
    from common.settings import Settings

    given = {}
    if options.data and not {"ROLLCALL_KEYS", "ROLLCALL_LOOKUP_KEY"} & os.environ.keys():
        if not options.data.is_dir():
            raise CommandError(f"there is no data folder {options.data}")
        given = dict(zip(("keys", "lookup_key"), Folder(options.data).keys(), strict=True))
    try:
        return Settings(database_url="", **given).keyring()
    except ValidationError as error:
        raise CommandError(in_words(error)) from error
    except ValueError as error:
        raise CommandError(str(error)) from error


async def _rotate(url: str, service: str, ring: Keyring) -> dict[str, int]:
    store = import_module(f"{package_of(service)}.store.rotating")
    try:
        database = await Database.open(database_url(url, service), max_size=1, keyring=ring)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise CommandError(f"the database of {service} does not answer: {error}") from error
    try:
        return await store.rotate_all(database)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise CommandError(f"the database of {service} is not of this version: start the product once") from error
    except UnreadableError as error:
        raise CommandError(f"{service}: {error}") from error
    finally:
        await database.close()
