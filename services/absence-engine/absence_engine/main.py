"""Puts the absence engine together."""

from functools import partial

from common import ledger
from common.access.directory import open_directory
from common.access.follow import follow
from common.broker import Broker
from common.consume import Consumer
from common.db import Database, create_database_if_absent
from common.events.absence_engine import TOPIC
from common.listen import Listener, Signal
from common.migrate import migrate
from common.relay import OutboxSource, Relay
from common.service import Check, Service
from common.settings import Settings

from absence_engine import api, consumer
from absence_engine.actions.holding import Policies
from absence_engine.actions.looking import LookingForPatterns
from absence_engine.actions.policies import CHANNEL, applying
from absence_engine.actions.reconciling import Reconciling
from absence_engine.actions.reevaluate import Reevaluating
from absence_engine.actions.simulate import Simulating

NAME = "absence-engine"
NAMED = 20  # schools that readiness names at most


async def create_service(settings: Settings, broker: Broker) -> Service:
    """The service, on a database of its own on the settings' server, brought to the newest version of its tables."""
    keyring = settings.keyring()
    url = await create_database_if_absent(settings.database_url, NAME)
    await migrate(url, "absence_engine", keyring)
    database = await Database.open(url, application=NAME, keyring=keyring)
    clock = settings.clock()
    directory = await open_directory(database, NAME)
    policies = Policies(clock)
    counted, changed = Signal(), Signal()
    relay = Relay(database, broker, OutboxSource([TOPIC]), name=f"{NAME}-relay", partitions=settings.partitions)
    hearing = Listener(url, consumer.CHANNEL, counted)

    def after_commit() -> None:
        counted.set()
        relay.wake()

    listening = Consumer(
        database,
        broker,
        group=consumer.GROUP,
        member=settings.member(NAME),
        topics=consumer.TOPICS,
        handle=consumer.handler(clock, policies),
        pile=consumer.pile(clock, policies),
        name=f"{NAME}-consumer",
        after_commit=after_commit,
        partitions=settings.partitions,
    )

    return Service(
        name=NAME,
        router=api.create_router(database, clock, policies, counted),
        background=(
            relay,
            listening,
            *follow(directory, database, broker, settings, NAME),
            hearing,
            Listener(url, CHANNEL, changed),
            Reevaluating(database, clock, policies, changed, counted, relay.wake),
            LookingForPatterns(database, clock, policies, changed, relay.wake),
            Simulating(database, clock, policies, changed),
            Reconciling(database, clock, policies, changed, api.told),
        ),
        listening=(hearing, directory, directory.listener),
        ready=[partial(check, database) for check in (_answers, _ledgers_followed, _policies_applied)],
        close=database.close,
        database=database,
        tags=api.TAGS,
        consumers=directory,
        links=api.LINKS,
        streams=api.STREAMS,
    )


async def _answers(database: Database) -> Check:
    return Check("database", await database.answers())


async def _ledgers_followed(database: Database) -> Check:
    async with database.connection() as connection:
        lost = await ledger.not_followed(connection)
    named = [f"school {one.urn} {one.state} at {one.number}: {one.reason}" for one in lost[:NAMED]]
    detail = "; ".join([*named, *([f"and {len(lost) - NAMED} more"] if len(lost) > NAMED else [])])
    return Check("ledgers", ok=True, degraded=bool(lost), detail=detail)


async def _policies_applied(database: Database) -> Check:
    return Check("policies", ok=True, detail=await applying(database))
