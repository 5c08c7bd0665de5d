"""How much room a mark takes in each service's database, and in Kafka: `python -m tests.bench sizes`.

A school year of a simulated authority is sent to the product on real parts, with what its offices put right. The year
passes in minutes, so that autovacuum would come too late: tables are vacuumed after every other school week. What was
there before the first register, rolls above all, is taken off.
"""

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.bench import system
from tests.bench.report import Figure
from tests.bench.system import TODAY, System
from tests.bench.year import Year
from tests.e2e.product import ALL_SCOPES, SERVICES, apart

PUPILS, DAYS, DAYS_AT_ONCE = 1000, 190, 10
LARGEST = 6
TABLES = """
select relname, pg_total_relation_size(oid) from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
"""

Sizes = dict[tuple[str, str], int]
"""Bytes, indexes and out-of-line values included, by service and table."""


def run(pupils: int = PUPILS, days: int = DAYS) -> list[Figure]:
    """Bytes a mark: each service's database, its largest tables, Kafka."""
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as name,
        system.real_parts() as (postgres, kafka),
        apart(Path(name), TODAY, postgres.url, kafka.bootstrap, consumers=1) as product,
    ):
        token = product.token(ALL_SCOPES)
        year = Year.set_up(System(product.urls["registers"], product.urls["absence-engine"], token, ()), pupils)
        before, log = asyncio.run(_sizes(postgres.url)), _log(kafka.data)
        after = before
        for day in range(0, days, DAYS_AT_ONCE):
            year.play(range(day, min(day + DAYS_AT_ONCE, days)))
            after = asyncio.run(_sizes(postgres.url))
        log = _log(kafka.data) - log
    grown = {table: (after[table] - before.get(table, 0)) / year.marks for table in after}
    figures = [
        Figure(f"{service}, all tables", "bytes a mark", sum(n for (of, _), n in grown.items() if of == service), None)
        for service in SERVICES
    ]
    largest = sorted(grown, key=lambda table: -grown[table])[:LARGEST]
    figures += [
        Figure(f"  {service}: {table}", "bytes a mark", grown[service, table], None) for service, table in largest
    ]
    note = f"({year.marks:,} marks sent, corrections included; {pupils:,} pupils)"
    return [*figures, Figure("Kafka, all topics", "bytes a mark", log / year.marks, None, note=note)]


async def _sizes(server: str) -> Sizes:
    """The tables of all services, vacuumed."""
    found: Sizes = {}
    for service in SERVICES:
        name = f"/rollcall_{service.replace('-', '_')}"
        connection = await asyncpg.connect(urlunsplit(urlsplit(server)._replace(path=name)))
        await connection.execute("vacuum analyze")
        for table, size in await connection.fetch(TABLES):
            found[service, table] = size
        await connection.close()
    return found


def _log(data: Path) -> int:
    """Bytes of the records of all topics but Kafka's own."""
    return sum(file.stat().st_size for file in data.glob("**/*.log") if not file.parent.name.startswith("__"))
