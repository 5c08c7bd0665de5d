"""Brings letters in line with a batch of news, in the transaction that moves the consumer's position.

Nothing here leaves the database: whom a new letter is for is found by `settle`, afterwards. Children are locked
before anything about them is read; letters are locked before they are recalled, so that either the recall or
`sending` comes first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from common import children, outbox
from common.clock import Clock
from common.db import Transaction
from common.events import Event
from common.events.notifications import TOPIC

from notifications import metrics
from notifications.actions.hear import Merge, News
from notifications.domain import follow as rules
from notifications.domain import say
from notifications.domain.policy import policy_on
from notifications.domain.values import Episode, Letter, revised
from notifications.store import heard, letters

log = structlog.get_logger()


async def follow(tx: Transaction, news: News, clock: Clock, hold: timedelta) -> None:
    """Does all that these news ask for; the same news again, in any order, change nothing."""
    named = {merge.pupil_id for merge in news.merges} | {merge.survivor for merge in news.merges}
    named |= {episode.pupil_id for episode in news.episodes}
    await children.lock(tx, named)
    survivors = [await _join(tx, merge, clock) for merge in news.merges]
    living = await children.living(tx, named)
    told = [replace(episode, pupil_id=living[episode.pupil_id]) for episode in news.episodes]
    fresh = rules.newest(told, await heard.episodes(tx, {episode.episode_id for episode in told}))
    await heard.save(tx, fresh)

    touched = {episode.pupil_id for episode in fresh} | {living[child] for child in survivors if child is not None}
    if touched:
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


async def _join(tx: Transaction, merge: Merge, clock: Clock) -> str | None:
    """All that was about a dead child is about the survivor; None when that was known."""
    survivor = await children.merge(tx, merge.pupil_id, merge.survivor)
    if survivor is None:
        return None
    dead = await letters.of_children(tx, [merge.pupil_id])

    moved = [revised(letter, replace(letter, pupil_id=survivor)) for letter in dead]

    await heard.move(tx, merge.pupil_id, survivor)
    await letters.save(tx, moved)
    await outbox.add(tx, [say.of_letter(letter, clock.now()) for letter in moved], TOPIC)
    log.info("children merged", pupil_id=merge.pupil_id, survivor=survivor, letters=len(moved))
    return survivor


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
