"""Puts notifications together."""

from datetime import timedelta

from common.access.directory import open_directory
from common.access.follow import follow
from common.broker import Broker
from common.consume import Consumer
from common.db import Database, create_database_if_absent
from common.events.notifications import TOPIC
from common.http_client import ServiceClient
from common.migrate import migrate
from common.relay import OutboxSource, Relay
from common.service import Check, Service
from common.settings import Settings

from notifications import api, consumer, pages
from notifications.actions.office import Office
from notifications.actions.send import send_due
from notifications.actions.settle import settle_due
from notifications.channels import Channel
from notifications.channels.copies import Archive
from notifications.channels.folder import FolderChannel
from notifications.channels.smtp import SmtpChannel
from notifications.consumer.workers import Worker
from notifications.domain.values import ChannelName
from notifications.registers import Registers

NAME = "notifications"
EMAILED = "emailed"
"""The folder of copies of e-mails, inside the letters' folder."""


async def create_service(settings: Settings, broker: Broker) -> Service:
    """The service, on a database of its own on the settings' server, brought to the newest version of its tables."""
    url = await create_database_if_absent(settings.database_url, NAME)
    await migrate(url, NAME)
    database = await Database.open(url, application=NAME)
    directory = await open_directory(database, NAME)
    client = ServiceClient.to_registers(settings)
    office = create_office(settings, database, Registers(client))
    relay = Relay(database, broker, OutboxSource([TOPIC]), name=f"{NAME}-relay", partitions=settings.partitions)
    sender = Worker(f"{NAME}-sender", lambda stop: send_due(office, stop), after=relay.wake)

    def queued() -> None:
        relay.wake()
        sender.wake()

    settler = Worker(f"{NAME}-settler", lambda _: settle_due(office), after=queued)

    def heard() -> None:
        relay.wake()
        settler.wake()

    listening = Consumer(
        database,
        broker,
        group=consumer.GROUP,
        member=settings.member(NAME),
        topics=consumer.TOPICS,
        handle=consumer.handler(office.clock, office.hold),
        name=f"{NAME}-consumer",
        after_commit=heard,
        partitions=settings.partitions,
    )

    async def database_answers() -> Check:
        return Check("database", await database.answers())

    async def close() -> None:
        await client.close()
        await database.close()

    return Service(
        name=NAME,
        router=api.create_router(office),
        background=(
            relay,
            listening,
            settler,
            sender,
            *follow(directory, database, broker, settings, NAME),
        ),
        ready=(database_answers,),
        close=close,
        database=database,
        tags=api.TAGS,
        consumers=directory,
        links=api.LINKS,
    )


def create_office(settings: Settings, database: Database, people: Registers) -> Office:
    """What the workers work with: letters on paper always, e-mail when an SMTP server is configured."""
    clock, folder = settings.clock(), settings.letters_folder
    channels: dict[ChannelName, Channel] = {"letter": FolderChannel(folder)}
    if settings.smtp_url:
        channels["email"] = SmtpChannel(settings.smtp_url, settings.smtp_from, folder / EMAILED, clock)
    return Office(
        database=database,
        people=people,
        channels=channels,
        copies=Archive([folder, folder / EMAILED]),
        render=pages.render,
        clock=clock,
        hold=timedelta(hours=settings.letter_hold_hours),
    )
