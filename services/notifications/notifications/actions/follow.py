"""Brings letters in line with a batch of news, in the transaction that moves the consumer's position.

Nothing here leaves the database: whom a new letter is for is found by `settle`, afterwards. Children are locked
before anything about them is read; letters are locked before they are recalled, so that either the recall or
`sending` comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from common import children, mirror, outbox
from common.clock import Clock
from common.db import Transaction
from common.events import Event
from common.events.notifications import TOPIC
from common.meanings import Merge, Split

from notifications import metrics
from notifications.actions.hear import News
from notifications.domain import follow as rules
from notifications.domain import say
from notifications.domain.policy import policy_on
from notifications.domain.values import Episode, Letter, revised
from notifications.store import heard, letters

log = structlog.get_logger()


async def follow(tx: Transaction, news: News, clock: Clock, hold: timedelta) -> None:
    """Does all that these news ask for; the same news again, in any order, change nothing."""
    named = {child for merge in news.merges for child in merge.children()}
    named |= {episode.pupil_id for episode in news.episodes}
    owners = await mirror.owners(tx, [episode.episode_id for episode in news.episodes])
    await children.lock(tx, named | owners)
    joined = [await _mean(tx, merge, clock) for merge in news.merges]
    living = await children.living(tx, named | owners)
    told = [replace(one, pupil_id=living[one.pupil_id], told_as=one.pupil_id) for one in news.episodes]
    stored = await heard.episodes(tx, {episode.episode_id for episode in told})
    fresh = rules.newest(told, stored)
    await heard.save(tx, fresh)

    touched = {episode.pupil_id for episode in fresh} | {child for pair in joined for child in pair}
    touched |= {stored[episode.episode_id].pupil_id for episode in fresh if episode.episode_id in stored}
    if touched:
        await _rehome(tx, touched, clock)
        changed = await _bring_in_line(tx, touched, clock, hold)
        log.info("news followed", episodes=len(fresh), letters=changed)


async def _bring_in_line(tx: Transaction, pupil_ids: set[str], clock: Clock, hold: timedelta) -> int:
    now, policy = clock.now(), policy_on(clock.today())
    episodes = _by_child(await heard.of_children(tx, pupil_ids))
    kept = await letters.of_children(tx, pupil_ids)
    settlements = await letters.settlements(tx, [one.episode_id for own in episodes.values() for one in own])

    changes = rules.Changes()
    before = {letter.letter_id: letter for letter in kept}
    by_episode: dict[str, list[Letter]] = {}
    for letter in kept:
        by_episode.setdefault(letter.episode_id, []).append(letter)
    for of_child in episodes.values():
        rules.follow(changes, of_child, by_episode, settlements, policy, now, hold)

    await letters.open_settlements(tx, changes.due)
    await letters.drop_settlements(tx, changes.dropped)
    await letters.save(tx, changes.letters)
    await outbox.add(tx, [_said(before[letter.letter_id], letter, clock) for letter in changes.letters], TOPIC)
    return len(changes.letters)


async def _mean(tx: Transaction, told: Merge | Split, clock: Clock) -> tuple[str, ...]:
    """All that was about a dead child is about the survivor, or about the id that is its own again: the children whom
    that concerns, none when it was known.
    """
    if isinstance(told, Split):
        meaning = await children.mean(tx, told.other, told.other, told.version) if told.restored else None
        about = told.other
    else:
        meaning = await children.mean(tx, told.pupil_id, told.survivor, told.version)
        about = told.pupil_id
    if meaning is None:
        return ()
    before, after = meaning
    await children.lock(tx, meaning)
    if before == about:
        await _join(tx, before, after, clock)
    else:
        await mirror.reclaim(tx, about, before, after)
    log.info("children merged or split", pupil_id=about, before=before, after=after)
    return meaning


async def _join(tx: Transaction, dead: str, survivor: str, clock: Clock) -> None:
    letters_of = await letters.of_children(tx, [dead])

    moved = [revised(letter, replace(letter, pupil_id=survivor)) for letter in letters_of]

    await mirror.move(tx, dead, survivor)
    await letters.save(tx, moved)
    await outbox.add(tx, [say.of_letter(letter, clock.now()) for letter in moved], TOPIC)


async def _rehome(tx: Transaction, pupil_ids: set[str], clock: Clock) -> None:
    """Letters go with their episodes, where these are told of another child than before."""
    astray = await letters.astray(tx, pupil_ids)
    moved = [revised(letter, replace(letter, pupil_id=owner)) for letter, owner in astray]
    await letters.save(tx, moved)
    await outbox.add(tx, [say.of_letter(letter, clock.now()) for letter in moved], TOPIC)


def _said(before: Letter, after: Letter, clock: Clock) -> Event:
    just_overtaken = after.overtaken and not before.overtaken
    metrics.OVERTAKEN.inc(just_overtaken)
    metrics.LETTERS.labels(after.kind, after.status).inc()
    return say.of_letter(after, clock.now(), just_overtaken=just_overtaken)


def _by_child(episodes: Sequence[Episode]) -> Mapping[str, list[Episode]]:
    sorted_out: dict[str, list[Episode]] = {}
    for episode in episodes:
        sorted_out.setdefault(episode.pupil_id, []).append(episode)
    return sorted_out
