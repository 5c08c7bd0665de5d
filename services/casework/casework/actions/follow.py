"""Works a batch of news into tasks, cases and timelines, in the transaction that moves the consumer's position.

Merges first: then every id in the news means a living child. Children are locked before anything about them is read;
which revision of an episode or letter is the newest is decided under that lock.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import structlog
from common import children, mirror
from common.clock import Clock
from common.db import Transaction
from common.meanings import Merge, Split

from casework.actions import parting
from casework.actions.hear import News
from casework.actions.keep import keep_and_say
from casework.domain import follow as rules
from casework.domain import reasons as reason_rules
from casework.domain.policy import policy_on
from casework.domain.values import Episode, Letter
from casework.store import heard, work

log = structlog.get_logger()

Told = TypeVar("Told", Episode, Letter)


async def follow(tx: Transaction, news: News, clock: Clock) -> None:
    """Does all that these news ask for; the same news again, in any order, change nothing."""
    told = [*news.episodes, *news.letters, *news.reasons]
    named = {child for item in news.merges for child in item.children()}
    named |= {item.episode.pupil_id for item in news.episodes} | {item.letter.pupil_id for item in news.letters}
    named |= {reason.pupil_id for reason in news.reasons}
    await children.lock(tx, named | await mirror.owners(tx, [item.episode.episode_id for item in news.episodes]))
    for merge in news.merges:
        if isinstance(merge, Split):
            await parting.split(tx, merge, clock)
        else:
            await _join(tx, merge, clock)
    if told:
        await _work_in(tx, news, await children.living(tx, named), clock)


async def _work_in(tx: Transaction, news: News, living: Mapping[str, str], clock: Clock) -> None:
    now, today = clock.now(), clock.today()
    policy = policy_on(today)
    episodes = [_of_living(item.episode, living) for item in news.episodes]
    letters = [_of_living(item.letter, living) for item in news.letters]
    reasons = [replace(reason, pupil_id=living[reason.pupil_id]) for reason in news.reasons]
    days = {reason_rules.Day.of(reason) for reason in reasons}
    about = {episode.episode_id for episode in episodes} | {letter.episode_id for letter in letters}
    stored_episodes = await heard.episodes(tx, about)
    stored = rules.Stored(
        episodes=stored_episodes,
        letters=await heard.letters(tx, [letter.letter_id for letter in letters]),
        tasks=await work.tasks(
            tx,
            [
                *rules.wanted_tasks([*episodes, *stored_episodes.values()], letters, policy),
                *(reason_rules.task_id(day, policy.reasons.task) for day in days),
            ],
        ),
        cases=await work.cases(tx, living.values()),
    )

    changes = rules.follow(stored, episodes, letters, policy, today, now)
    stored_reasons = await heard.reasons(tx, days) if days else []
    kept = reason_rules.chase(changes, reasons, stored_reasons, stored.tasks, stored.cases, policy.reasons, today, now)
    lines = [
        rules.told_of_episode(episode, item.what, item.at)
        for episode, item in zip(episodes, news.episodes, strict=True)
        if policy.rule_of(episode.kind, episode.rule) is not None
    ]
    lines += [
        rules.told_of_letter(letter, item.what, item.at) for letter, item in zip(letters, news.letters, strict=True)
    ]

    await heard.save(tx, changes.episodes, changes.letters)
    await heard.save_reasons(tx, kept)
    await keep_and_say(tx, changes.tasks, changes.cases, [*lines, *changes.entries], clock)
    await parting.rehome(tx, rules.exchanged(stored, changes), clock)
    log.info("news followed", episodes=len(changes.episodes), letters=len(changes.letters), tasks=len(changes.tasks))


def _of_living(told: Told, living: Mapping[str, str]) -> Told:
    """What was told of an id, as of the child that the id means; it remembers the id."""
    return replace(told, pupil_id=living[told.pupil_id], told_as=told.pupil_id)


async def _join(tx: Transaction, merge: Merge, clock: Clock) -> None:
    """All that belonged to a dead child belongs to the survivor."""
    meaning = await children.mean(tx, merge.pupil_id, merge.survivor, merge.version)
    if meaning is None:
        return
    before, survivor = meaning
    if before != merge.pupil_id:  # it had died before, into another child
        await parting.reclaim(tx, merge.pupil_id, before, survivor, clock)
        return
    cases = await work.cases(tx, [merge.pupil_id, survivor])
    moved = await work.tasks_of_child(tx, merge.pupil_id)

    kept, tasks, entries = rules.merged(cases.get(merge.pupil_id), cases.get(survivor), moved, survivor, clock.now())

    await heard.move(tx, merge.pupil_id, survivor)
    await work.move_timeline(tx, merge.pupil_id, survivor)
    await keep_and_say(tx, tasks, kept, entries, clock)
    log.info("children merged", pupil_id=merge.pupil_id, survivor=survivor, tasks=len(tasks))
