"""Puts registers together."""

from common.access.directory import open_directory
from common.broker import Broker
from common.db import Database, create_database_if_absent
from common.listen import Signal
from common.migrate import migrate
from common.relay import Relay
from common.service import Check, Service
from common.settings import Settings

from registers import api
from registers.actions.batches import Batches
from registers.actions.chasing import Chase
from registers.actions.consumers import Consumers
from registers.actions.expecting import Expecting
from registers.actions.households import Households
from registers.actions.recording import Recorder
from registers.actions.rejudging import Rejudging
from registers.actions.release import Release
from registers.actions.writing import Writer
from registers.api.context import Context
from registers.store.ledger import LedgerSource

NAME = "registers"


async def create_service(settings: Settings, broker: Broker) -> Service:
    """The service, on a database of its own on the settings' server, brought to the newest version of its tables."""
    keyring = settings.keyring()
    url = await create_database_if_absent(settings.database_url, NAME)
    await migrate(url, NAME, keyring)
    database = await Database.open(url, application=NAME, keyring=keyring)
    clock = settings.clock()
    relay = Relay(database, broker, LedgerSource(), name=f"{NAME}-relay", partitions=settings.partitions)
    queued = Signal()

    def written() -> None:
        relay.wake()
        queued.set()

    writer = Writer(database, clock, written, household_key=settings.household_secret())
    directory = await open_directory(database, NAME)
    consumers = Consumers(database, clock, directory, relay.wake)
    context = Context(database, clock, writer, Recorder(database, clock, relay.wake), consumers)

    async def database_answers() -> Check:
        return Check("database", await database.answers())

    return Service(
        name=NAME,
        router=api.create_router(context),
        background=(
            relay,
            directory,
            directory.listener,
            Release(database, writer),
            Rejudging(database, writer, queued),
            Chase(database, writer),
            Households(database, writer),
            Expecting(database, writer),
            Batches(database, clock, relay.wake, context.batches),
        ),
        ready=(database_answers,),
        close=database.close,
        database=database,
        tags=api.TAGS,
        consumers=directory,
        links=api.LINKS,
        streams=api.STREAMS,
    )
