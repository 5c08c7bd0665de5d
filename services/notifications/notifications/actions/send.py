"""Hands letters over, each at most once, and finds out what became of those that a crash left behind.

The letter's advisory lock is held on one connection during all of this: a letter in `sending` whose lock is free is an
orphan. Registers is asked first (may this person still be written to, and where?), the channel is opened, `sending` is
committed under the letter's row lock (a recall that came first wins), and only then is the letter delivered.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import structlog
from common import outbox
from common.db import Transaction
from common.errors import NotFoundError, UnavailableError
from common.events.notifications import TOPIC

from notifications import metrics, pages
from notifications.actions.office import Office
from notifications.channels import Channel, ChannelAwayError, HandOver, HandOverError, Parcel
from notifications.domain import letters as rules
from notifications.domain import recipients, say
from notifications.domain.page import page
from notifications.domain.values import ChannelName, Child, Contact, Letter, Status, Withholding
from notifications.store import heard, letters, queue

log = structlog.get_logger()

AT_ONCE = 20
WAIT = timedelta(seconds=5)
UNKNOWN_CHILD_WAIT = timedelta(seconds=60)


class _WaitError(Exception):
    """Something that the hand-over needs is away: the letter waits. Says what, and for how long to wait."""

    def __init__(self, what: str, wait: timedelta = WAIT) -> None:
        super().__init__(what)
        self.wait = wait


class _RegistersAwayError(_WaitError):
    """No letter can be sent at the moment."""


@dataclass(frozen=True, slots=True)
class _Hands:
    """The connection that holds a letter's advisory lock, the office it works for, and the channels found away so
    far.
    """

    connection: Transaction
    office: Office
    away: set[ChannelName]


async def send_due(office: Office, stop: asyncio.Event) -> tuple[int, str]:
    """Works through letters that are due; how many came further, and what was away."""
    async with office.database.connection() as connection:
        due = await queue.due_letters(connection, office.clock.now(), AT_ONCE)
    done, trouble = 0, ""
    away: set[ChannelName] = set()
    for letter_id in due:
        if stop.is_set():
            break
        try:
            done += await send(office, letter_id, away)
        except _RegistersAwayError as error:
            return done, str(error)
        except _WaitError as error:
            trouble = str(error)
    return done, trouble


async def send(office: Office, letter_id: str, away: set[ChannelName]) -> bool:
    """Brings one letter further; False when another sender is at it or it is no longer due."""
    async with office.database.connection() as connection:
        if not await queue.try_hold(connection, letter_id):
            return False
        try:
            letter = await queue.letter(connection, letter_id)
            hands = _Hands(connection, office, away)
            if letter is not None and letter.status == "queued":
                return await _hand_over(hands, letter)
            if letter is not None and letter.status == "sending":
                return await _recover(hands, letter)
            return False
        except _WaitError as error:
            await queue.postpone_letter(connection, letter_id, office.clock.now() + error.wait)
            metrics.LETTERS_WAITED.inc()
            log.warning("letter waits", letter_id=letter_id, reason=str(error))
            raise
        finally:
            await queue.let_go(connection, letter_id)


async def _hand_over(hands: _Hands, letter: Letter) -> bool:
    """Sends a queued letter, or withholds it when its recipient can't or may not be written to any more."""
    child, contact = await _ask(hands, letter)
    if isinstance(contact, str):
        return await _withhold(hands, letter.letter_id, contact)
    way = recipients.channel_for(contact, can_email=hands.office.can_email)
    if way is None:
        return await _withhold(hands, letter.letter_id, "no-address")
    channel = hands.office.channels[way]

    async def leave(handover: HandOver) -> bool:
        parcel = await _leave(hands, letter.letter_id, child, contact, channel)
        if parcel is None:
            return False
        await handover.deliver(parcel)
        return True

    return await _through(hands, channel, letter.letter_id, leave)


async def _recover(hands: _Hands, letter: Letter) -> bool:
    """Finds out about an orphan: it has left, or may be sent again, or a person has to look."""
    channel = hands.office.channels.get(letter.channel)
    if channel is not None and await channel.has_left(letter.letter_id):
        return await _sent(hands, letter.letter_id)
    if channel is None or not channel.repeatable or letter.overtaken:
        log.warning("orphan can't be sent again", letter_id=letter.letter_id, channel=letter.channel)
        return await _change(hands, letter.letter_id, "sending", rules.failed)
    child, contact = await _ask(hands, letter)
    if isinstance(contact, str):
        return await _change(hands, letter.letter_id, "sending", rules.failed)

    async def again(handover: HandOver) -> bool:
        await handover.deliver(await _parcel(hands, letter, child, contact, channel))
        return True

    return await _through(hands, channel, letter.letter_id, again)


async def _through(
    hands: _Hands, channel: Channel, letter_id: str, deliver: Callable[[HandOver], Awaitable[bool]]
) -> bool:
    """Opens the channel, delivers, and records what came of it."""
    if channel.name in hands.away:
        raise _WaitError(f"channel {channel.name} is away")
    try:
        async with channel.open() as handover:
            left = await deliver(handover)
    except ChannelAwayError as error:
        hands.away.add(channel.name)
        raise _WaitError(f"channel {channel.name} is away") from error
    except HandOverError as error:
        log.warning("hand-over broke off", letter_id=letter_id, error=str(error))
        return await _change(hands, letter_id, "sending", rules.failed)
    return left and await _sent(hands, letter_id)


async def _ask(hands: _Hands, letter: Letter) -> tuple[Child, Contact | Withholding]:
    """The people as registers knows them now; instead of the recipient, why nobody writes there (any more)."""
    try:
        child = await hands.office.people.child(letter.pupil_id)
    except UnavailableError as error:
        raise _RegistersAwayError("registers is away") from error
    except NotFoundError as error:
        raise _WaitError("registers does not know a child", UNKNOWN_CHILD_WAIT) from error
    known = recipients.on(child.contacts, hands.office.clock.today())
    contact = recipients.find(known, letter.recipient_id)
    why = recipients.why_not(known, contact)
    return child, why or cast("Contact", contact)


async def _withhold(hands: _Hands, letter_id: str, why: Withholding) -> bool:
    """The letter is not sent, and a person is told why."""
    return await _change(hands, letter_id, "queued", lambda letter: rules.withheld(letter, why))


async def _leave(hands: _Hands, letter_id: str, child: Child, contact: Contact, channel: Channel) -> Parcel | None:
    """Commits `sending`, and gives the parcel; None when the letter was recalled, or held again, in the meantime."""
    now = hands.office.clock.now()
    async with hands.connection.transaction():
        letter = await letters.locked(hands.connection, letter_id)
        if letter is None or letter.status != "queued" or letter.hold_until > now:
            return None
        parcel = await _parcel(hands, letter, child, contact, channel)
        await letters.save(hands.connection, [rules.leaving(letter, channel.name, now)])
    return parcel


async def _parcel(hands: _Hands, letter: Letter, child: Child, contact: Contact, channel: Channel) -> Parcel:
    episode = await heard.explained(hands.connection, letter.episode_id)
    assert episode is not None, "a letter is made from an episode that was heard of"
    facts = page(episode, child, contact, hands.office.clock.today())
    content = hands.office.render(letter.kind, letter.template_version, facts)
    address = contact.email if channel.name == "email" else None
    return Parcel(letter.letter_id, address or "", pages.subject(letter.kind), content)


async def _sent(hands: _Hands, letter_id: str) -> bool:
    now = hands.office.clock.now()
    return await _change(hands, letter_id, "sending", lambda letter: rules.sent(letter, now))


async def _change(hands: _Hands, letter_id: str, expected: Status, change: Callable[[Letter], Letter]) -> bool:
    """Changes a letter that is still in the `expected` state, and says so."""
    async with hands.connection.transaction():
        letter = await letters.locked(hands.connection, letter_id)
        if letter is None or letter.status != expected:
            return False
        after = change(letter)
        await letters.save(hands.connection, [after])
        await outbox.add(hands.connection, [say.of_letter(after, hands.office.clock.now())], TOPIC)
    metrics.LETTERS.labels(after.kind, after.status).inc()
    log.info("letter changed", letter_id=letter_id, status=after.status, channel=after.channel)
    return True
