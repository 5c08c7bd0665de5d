"""How services other than registers hear of agreements: a consumer of their own, beside what they listen to."""

from collections.abc import Sequence

from common.access import store
from common.access.directory import Directory
from common.broker import Broker, Record
from common.consume import Consumer
from common.db import Database, Transaction
from common.dead_letters import decode_or_keep
from common.events.consumers import TOPIC, ConsumerChanged
from common.listen import Listener
from common.settings import Settings


def follow(
    directory: Directory, database: Database, broker: Broker, settings: Settings, service: str
) -> tuple[Consumer, Directory, Listener]:
    """The background work that keeps a service's mirror of the agreements, and what is in memory of it."""
    group = f"{service}-agreements"
    consumer = Consumer(
        database,
        broker,
        group=group,
        member=settings.member(group),
        topics=[TOPIC],
        handle=_handle,
        name=f"{group}-consumer",
        partitions=settings.partitions,
    )
    return consumer, directory, directory.listener


async def _handle(tx: Transaction, records: Sequence[Record]) -> None:
    told = [event.data for event in await decode_or_keep(tx, records)]
    await store.keep(tx, [data for data in told if isinstance(data, ConsumerChanged)])
