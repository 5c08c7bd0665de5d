"""Answers: the evidence of an episode, for somebody who counts it by hand."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

from common.db import Transaction

from absence_engine.actions.history import changes_before, family_of, reversal, span_of
from absence_engine.actions.holding import Policies
from absence_engine.actions.known import Family, Known
from absence_engine.domain.events import Told
from absence_engine.domain.evidence import Json, evidence
from absence_engine.domain.explain import explain
from absence_engine.domain.history import millis
from absence_engine.domain.policy import Policy
from absence_engine.domain.spans import Span

LATEST = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """The document; as known at which moment (milliseconds since 1970), None for now; whether what is known of that
    moment gives the explanation that was announced. Roll, calendars, facts and policy are today's: it doesn't when
    these have changed.
    """

    document: Json
    at: int | None
    reproduced: bool


async def of_episode(tx: Transaction, told: Told, policies: Policies) -> Evidence | None:
    """The evidence of an episode; of a reversed one as it was known before it was taken back. None where the marks, as
    far as they are known, have no such span at all.
    """
    family = await family_of(tx, told.episode, policies)
    return await asyncio.to_thread(_find, family, told)


def _find(family: Family, told: Told) -> Evidence | None:
    other: Evidence | None = None
    for at, known in _known(family, told):
        found = span_of(known, told.episode)
        if found is not None:
            one = _of_span(family, told, known, at, *found)
            if one.reproduced:
                return one
            other = other or one
    return other


def _known(family: Family, told: Told) -> Iterator[tuple[int, Known]]:
    """What was known when the episode may have stood as it was announced last: now; or before it was taken back. Of
    each a moment.

    One batch may have brought several corrections, so that the last moment at which the episode would have stood lies
    between two of them, and nobody was told what it was then: further back is what stood before the batch. Where a
    batch has counted one school further than another, it is no moment, but a place in that school's ledger.
    """
    reversed_at = told.episode.reversed_at
    if reversed_at is None:
        yield LATEST, family.at(LATEST)
        return
    found = reversal(family, told.episode)
    first = [] if found.at is None else [found.at - 1]
    for at in (*first, millis(reversed_at) - 1, LATEST):
        yield at, family.at(at)
    changes = changes_before(family, told.episode)
    for at in sorted({change.at for change in changes if found.at is None or change.at < found.at}, reverse=True):
        yield at - 1, family.at(at - 1)
    counted = {one.school_urn: one.sequence for one in told.sequence}
    for urn, number in sorted({(change.urn, change.number) for change in changes}, key=itemgetter(1), reverse=True):
        latest = max((change.at for change in changes if change.urn != urn or change.number < number), default=0)
        yield latest, family.counted(counted | {urn: number - 1})


def _of_span(family: Family, told: Told, known: Known, at: int, span: Span, policy: Policy) -> Evidence:
    explanation = explain(known.child, span, family.calendars, policy)
    document = evidence(known.child, span, told.explanation, family.calendars, policy)
    return Evidence(document, None if at == LATEST else at, explanation.hash == told.explanation.hash)
