"""Finds whom a letter is for, once per episode and letter kind, and queues the letters.

Where nobody may be written to, a letter to nobody is withheld, so that a person looks, and registers is asked again
every hour while the episode is open.

A settlement is claimed for a short lease, registers is asked outside any transaction, and the result is saved under the
child's lock, if it is still wanted then. While registers is away a settlement waits, with growing delays; none is lost.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from common import children, outbox
from common.db import Transaction
from common.errors import NotFoundError, UnavailableError
from common.events.notifications import TOPIC

from notifications import metrics
from notifications.actions.office import Office
from notifications.domain import letters as rules
from notifications.domain import recipients, say
from notifications.domain.policy import LetterRule, policy_on
from notifications.domain.values import NOBODY, Child, Contact, Episode, Letter, Way
from notifications.store import heard, letters, queue
from notifications.store.queue import Claim

log = structlog.get_logger()

AT_ONCE = 8
LEASE = timedelta(seconds=25)
LONGEST_WAIT = 30.0
UNKNOWN_CHILD_WAIT = timedelta(seconds=60)
NOBODY_WAIT = timedelta(hours=1)


async def settle_due(office: Office) -> tuple[int, str]:
    """Settles what is due, a few at once; how many were claimed, and what kept any from being settled."""
    now = office.clock.now()
    async with office.database.transaction() as tx:
        claims = await queue.claim(tx, now, now + LEASE, AT_ONCE)
    troubles = await asyncio.gather(*(_settle(office, claim) for claim in claims))
    return len(claims), next((trouble for trouble in troubles if trouble), "")


async def _settle(office: Office, claim: Claim) -> str:
    try:
        child = await office.people.child(claim.pupil_id)
    except UnavailableError:
        wait = timedelta(seconds=min(0.5 * 2 ** min(claim.attempts, 10), LONGEST_WAIT))
        return await _postpone(office, claim, wait, "registers is away")
    except NotFoundError:
        return await _postpone(office, claim, UNKNOWN_CHILD_WAIT, "registers does not know a child")
    await office.database.in_transaction(lambda tx: _write(tx, office, claim, child))
    return ""


async def _write(tx: Transaction, office: Office, claim: Claim, child: Child) -> None:
    """Queues a letter for each recipient, unless the reason has gone or somebody else was faster."""
    now, policy = office.clock.now(), policy_on(office.clock.today())
    living = (await children.lock(tx, [claim.pupil_id]))[claim.pupil_id]
    of_child = await heard.of_children(tx, [living])
    settlement = (await letters.settlements(tx, [claim.episode_id])).get(claim.episode_id)
    episode = next((one for one in of_child if one.episode_id == claim.episode_id), None)
    rule = policy.letters.get(episode.kind) if episode else None
    if settlement is None or settlement.state != "due" or episode is None or rule is None:
        return
    if not rules.is_wanted(episode, of_child, rule):
        await letters.drop_settlements(tx, [settlement])
        return

    known = recipients.on(child.contacts, office.clock.today())
    chosen = recipients.recipients(known, episode.school_urn)
    ways = recipients.ways(known, chosen, can_email=office.can_email)
    own = [one for one in await letters.of_children(tx, [living]) if one.episode_id == episode.episode_id]
    to_nobody = next((one for one in own if one.recipient_id == NOBODY), None)
    made, given = _letters(episode, rule, ways, to_nobody, now, office.hold)

    for letter in (*given, *made):
        metrics.LETTERS.labels(rule.letter, letter.status).inc()
    await letters.add(tx, made)
    await letters.save(tx, given)
    await outbox.add(tx, [say.of_letter(letter, now) for letter in (*given, *made)], TOPIC)
    if ways or not rules.waits_for_somebody(episode):
        await letters.settled(tx, settlement)
    else:
        await queue.postpone_settlement(tx, claim, now + NOBODY_WAIT)
    log.info("recipients asked for", episode_id=claim.episode_id, kind=claim.letter_kind, found=len(ways))


def _letters(
    episode: Episode,
    rule: LetterRule,
    ways: Sequence[tuple[Contact, Way]],
    to_nobody: Letter | None,
    now: datetime,
    hold: timedelta,
) -> tuple[list[Letter], list[Letter]]:
    """The letters that are new, one for each recipient or one to nobody, and the one to nobody that has found its
    recipient.
    """
    if not ways:
        is_new = to_nobody is None and rules.waits_for_somebody(episode)
        return [rules.to_nobody(episode, rule, now, hold)] if is_new else [], []
    given = [rules.given(to_nobody, *ways[0], now, hold)] if to_nobody is not None else []
    made = [rules.made(episode, rule, contact, way, now, hold) for contact, way in ways[len(given) :]]
    return made, given


async def _postpone(office: Office, claim: Claim, wait: timedelta, trouble: str) -> str:
    async with office.database.transaction() as tx:
        await queue.postpone_settlement(tx, claim, office.clock.now() + wait)
    metrics.SETTLEMENTS_WAITED.inc()
    log.warning("settlement waits", episode_id=claim.episode_id, reason=trouble, attempts=claim.attempts)
    return trouble
