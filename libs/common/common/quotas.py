"""Replicas share their callers' quotas: once a second each tells what was asked of it, and hears what is left.

One statement for all callers of that second. In between a replica admits by what it heard last, so that several
together may admit more than the quota for one second; what is too much is owed, and held back afterwards. Without the
database each replica goes on by its own count: everybody is let in, within the quota.

The table `quota` is no more than what replicas tell each other: made here, unlogged, and nobody's loss when it is gone.
"""

import asyncio
import contextlib
import time

import asyncpg
import structlog

from common.db import Database
from common.health import Health
from common.loops import Pulse, pause
from common.web.limits import Limits

SETTLE_SECONDS, SETTLE_WITHIN = 1.0, 5.0
TIDY_SECONDS = 60.0

CREATE = """
create unlogged table if not exists quota (
    client text not null,
    kind text not null,
    most double precision not null,
    a_second double precision not null,
    tokens double precision not null,
    counted_at timestamptz not null,
    primary key (client, kind)
) with (fillfactor = 50)
"""
SETTLE = """
insert into quota as known (client, kind, most, a_second, tokens, counted_at)
select client, kind, most, a_second, most - spent, clock_timestamp()
from unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[], $5::bigint[])
    as told (client, kind, most, a_second, spent)
order by client, kind
on conflict (client, kind) do update set
    most = excluded.most,
    a_second = excluded.a_second,
    tokens = greatest(
        -excluded.most,
        least(
            excluded.most,
            known.tokens + known.a_second
                * greatest(0, extract(epoch from excluded.counted_at - known.counted_at)::double precision)
        ) - (excluded.most - excluded.tokens)
    ),
    counted_at = greatest(known.counted_at, excluded.counted_at)
returning client, kind, tokens
"""
"""In the order of the key, so that replicas do not wait for each other in a circle."""
TIDY = "delete from quota where counted_at < clock_timestamp() - interval '10 minutes'"

log = structlog.get_logger()


class Quotas:
    """Background work: settles what this process has admitted."""

    name = "quotas"

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database, self._limits = database, limits
        self._pulse = Pulse()
        self._tidied = time.monotonic()

    def health(self) -> Health:
        """See `Background`."""
        return self._pulse.health()

    async def run(self, stop: asyncio.Event) -> None:
        """See `Background`."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(SETTLE_WITHIN):
                    if not self._pulse.well:  # at first, and when it was gone
                        await self.make_table()
                    await self.settle()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                if self._pulse.well:
                    log.warning("quotas are not shared", kind=type(error).__name__)
                self._pulse.beat("the database is away: quotas are this process's own")
            else:
                self._pulse.beat()
            await pause(stop, SETTLE_SECONDS)

    async def make_table(self) -> None:
        """Makes the table where there is none."""
        async with self._database.connection() as connection:
            with contextlib.suppress(asyncpg.UniqueViolationError):  # another replica does so at the same moment
                await connection.execute(CREATE)

    async def settle(self) -> None:
        """Tells what was spent, hears what is left, and lets go of what nobody uses."""
        self._limits.forget_idle()
        spent = {key: bucket.spent for key, bucket in self._limits.buckets.items()}
        if spent:
            clients, kinds = zip(*spent, strict=True)
            policies = [self._limits.buckets[key].policy for key in spent]
            most, a_second = [float(one.quota) for one in policies], [one.a_second for one in policies]
            async with self._database.connection() as connection:
                left = await connection.fetch(SETTLE, clients, kinds, most, a_second, list(spent.values()))
            for client, kind, tokens in left:
                self._limits.buckets[client, kind].settle(tokens, spent[client, kind], self._limits.now())
        if time.monotonic() - self._tidied > TIDY_SECONDS:
            self._tidied = time.monotonic()
            async with self._database.connection() as connection:
                await connection.execute(TIDY)
