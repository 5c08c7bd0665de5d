"""Puts casework together."""

from common.access.directory import open_directory
from common.access.follow import follow
from common.broker import Broker
from common.consume import Consumer
from common.db import Database, create_database_if_absent
from common.events.casework import TOPIC
from common.migrate import migrate
from common.relay import OutboxSource, Relay
from common.service import Check, Service
from common.settings import Settings

from casework import api, consumer

NAME = "casework"


async def create_service(settings: Settings, broker: Broker) -> Service:
    """The service, on a database of its own on the settings' server, brought to the newest version of its tables."""
    keyring = settings.keyring()
    url = await create_database_if_absent(settings.database_url, NAME)
    await migrate(url, NAME, keyring)
    database = await Database.open(url, application=NAME, keyring=keyring)
    clock = settings.clock()
    directory = await open_directory(database, NAME)
    relay = Relay(database, broker, OutboxSource([TOPIC]), name=f"{NAME}-relay", partitions=settings.partitions)
    listening = Consumer(
        database,
        broker,
        group=consumer.GROUP,
        member=settings.member(NAME),
        topics=consumer.TOPICS,
        handle=consumer.handler(clock),
        name=f"{NAME}-consumer",
        after_commit=relay.wake,
        partitions=settings.partitions,
    )

    async def database_answers() -> Check:
        return Check("database", await database.answers())

    return Service(
        name=NAME,
        router=api.create_router(database, clock, relay.wake),
        background=(relay, listening, *follow(directory, database, broker, settings, NAME)),
        ready=(database_answers,),
        close=database.close,
        database=database,
        tags=api.TAGS,
        consumers=directory,
        links=api.LINKS,
    )
