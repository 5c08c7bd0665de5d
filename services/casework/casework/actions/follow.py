"""Works a batch of news into tasks, cases and timelines, in the transaction that moves the consumer's position.

Merges first: then every id in the news means a living child. Children are locked before anything about them is read;
which revision of an episode or letter is the newest is decided under that lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog
from common import children, outbox
from common.clock import Clock
from common.db import Transaction
from common.events.casework import TOPIC

from casework import metrics
from casework.actions.hear import Merge, News
from casework.domain import follow as rules
from casework.domain import reasons as reason_rules
from casework.domain import say
from casework.domain.policy import policy_on
from casework.domain.values import Case, Entry, Task
from casework.store import heard, work

log = structlog.get_logger()


async def follow(tx: Transaction, news: News, clock: Clock) -> None:
    """Does all that these news ask for; the same news again, in any order, change nothing."""
    told = [*news.episodes, *news.letters, *news.reasons]
    named = {item.pupil_id for item in news.merges} | {item.survivor for item in news.merges}
    named |= {item.episode.pupil_id for item in news.episodes} | {item.letter.pupil_id for item in news.letters}
    named |= {reason.pupil_id for reason in news.reasons}
    await children.lock(tx, named)
    for merge in news.merges:
        await _join(tx, merge, clock)
    if told:
        await _work_in(tx, news, await children.living(tx, named), clock)


async def _work_in(tx: Transaction, news: News, living: Mapping[str, str], clock: Clock) -> None:
    now, today = clock.now(), clock.today()
    policy = policy_on(today)
    episodes = [replace(item.episode, pupil_id=living[item.episode.pupil_id]) for item in news.episodes]
    letters = [replace(item.letter, pupil_id=living[item.letter.pupil_id]) for item in news.letters]
    reasons = [replace(reason, pupil_id=living[reason.pupil_id]) for reason in news.reasons]
    days = {reason_rules.Day.of(reason) for reason in reasons}
    about = {episode.episode_id for episode in episodes} | {letter.episode_id for letter in letters}
    stored = rules.Stored(
        episodes=await heard.episodes(tx, about),
        letters=await heard.letters(tx, [letter.letter_id for letter in letters]),
        tasks=await work.tasks(
            tx,
            [
                *rules.wanted_tasks(episodes, letters, policy),
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
        if episode.kind in policy.episodes
    ]
    lines += [
        rules.told_of_letter(letter, item.what, item.at) for letter, item in zip(letters, news.letters, strict=True)
    ]

    await heard.save(tx, changes.episodes, changes.letters)
    await heard.save_reasons(tx, kept)
    await _keep_and_say(tx, changes.tasks, changes.cases, [*lines, *changes.entries], clock)
    log.info("news followed", episodes=len(changes.episodes), letters=len(changes.letters), tasks=len(changes.tasks))


async def _join(tx: Transaction, merge: Merge, clock: Clock) -> None:
    """All that belonged to a dead child belongs to the survivor."""
    survivor = await children.merge(tx, merge.pupil_id, merge.survivor)
    if survivor is None:
        return
    cases = await work.cases(tx, [merge.pupil_id, survivor])
    moved = await work.tasks_of_child(tx, merge.pupil_id)

    kept, tasks, entries = rules.merged(cases.get(merge.pupil_id), cases.get(survivor), moved, survivor, clock.now())

    await heard.move(tx, merge.pupil_id, survivor)
    await work.move_timeline(tx, merge.pupil_id, survivor)
    await _keep_and_say(tx, tasks, kept, entries, clock)
    log.info("children merged", pupil_id=merge.pupil_id, survivor=survivor, tasks=len(tasks))


async def _keep_and_say(
    tx: Transaction, tasks: Sequence[Task], cases: Sequence[Case], entries: Sequence[Entry], clock: Clock
) -> None:
    now = clock.now()
    await work.save(tx, tasks, cases, entries)
    for task in tasks:
        metrics.TASKS.labels(task.kind, task.status).inc()
    metrics.CASES.inc(len(cases))
    events = [say.of_case(case, now) for case in cases] + [say.of_task(task, now) for task in tasks]
    await outbox.add(tx, events, TOPIC)
