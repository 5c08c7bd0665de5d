"""Saying the current state of every episode, pattern and alias again, with its revision: `rollcall republish`.

Harmless at any time: readers know the revision. The running relay sends it.
"""

from collections.abc import Mapping

from common import outbox
from common.clock import Clock
from common.db import Transaction
from common.events.absence_engine import TOPIC

from absence_engine.domain import events
from absence_engine.domain.events import Told
from absence_engine.domain.patterns.kept import event
from absence_engine.domain.policy import Policy, read
from absence_engine.domain.policy import policies as shipped
from absence_engine.domain.thresholds import Stage
from absence_engine.store import children, episodes, patterns, policies, schools

PAGE = 500

Versions = Mapping[tuple[str, str], Policy]
"""By authority (or all of England) and version."""


async def republish(
    tx: Transaction, *, school: int | None = None, from_number: int | None = None, clock: Clock | None = None
) -> int:
    """Puts every episode and pattern (of one school, if given), and without one every alias, into the outbox; how many.

    `from_number` is for ledgers: states have no numbers.
    """
    assert from_number is None
    clock = clock or Clock()
    aliases = await _aliases(tx, clock) if school is None else 0
    return aliases + await _episodes(tx, clock, school) + await _patterns(tx, clock, school)


async def _aliases(tx: Transaction, clock: Clock) -> int:
    after, said = None, 0
    while page := await children.meanings(tx, after, PAGE):
        await outbox.add(tx, [events.meaning(*meaning, clock.now()) for meaning in page], TOPIC)
        after, said = page[-1][0], said + len(page)
    return said


async def _episodes(tx: Transaction, clock: Clock, school: int | None) -> int:
    after, said = None, 0
    versions = await _versions(tx)
    while page := await episodes.page(tx, school, after, PAGE):
        urns = {told.episode.school_urn for told in page}
        calendars, las = await schools.calendars(tx, urns), await policies.las(tx, urns)
        staged = [told._replace(stage=_stage(told, versions, las)) for told in page]
        await outbox.add(tx, events.states(staged, calendars, clock.today(), clock.now()), TOPIC)
        after, said = page[-1].episode.episode_id, said + len(page)
    return said


async def _patterns(tx: Transaction, clock: Clock, school: int | None) -> int:
    after, said = None, 0
    while page := await patterns.page(tx, school, after, PAGE):
        await outbox.add(tx, [event(one, clock.now()) for one in page], TOPIC)
        after, said = page[-1].pattern_id, said + len(page)
    return said


async def _versions(tx: Transaction) -> Versions:
    """Every version of a policy that episodes may have been judged by."""
    found = {
        (la_code, version.version): version
        for la_code, documents in (await policies.published(tx)).items()
        for version in map(read, documents)
    }
    return {(policies.ENGLAND, version.version): version for version in shipped()} | found


def _stage(told: Told, versions: Versions, las: Mapping[int, str]) -> Stage | None:
    """What the policy by which an episode was judged wants done about it."""
    e = told.episode
    own = versions.get((las.get(e.school_urn, ""), e.policy_version))
    policy = own or versions.get((policies.ENGLAND, e.policy_version))
    return None if policy is None else policy.stages.get(e.kind)
