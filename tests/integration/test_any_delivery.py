"""However ledgers are delivered, what comes of them is what the second implementation says of what was sent.

The ledgers are written by the registers service, from anything that schools may do. They are delivered in any batches,
with repetitions, with gaps that are filled later, interleaved between schools, to two engines that share them.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date
from random import Random

import pytest
from absence_engine.domain.ticks import day_of, session_of
from audit import figures
from audit.child import Child, Enrolment
from audit.codes import code_table
from common.db import Database, create_database_if_absent
from common.migrate import migrate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.any_order import delivery, interleaved
from tests.integration.authority import (
    FIRST,
    PUPILS,
    SCHOOLS,
    SECOND,
    Authority,
    Delete,
    PutCalendar,
    PutMarks,
    PutRow,
    Step,
    Term,
    beginning,
    steps,
    terms,
)
from tests.keys import KEYRING
from tests.unit.test_two_implementations import SMALL_ENGINE, SMALL_PLAIN

CODES = code_table()

slow = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def authority(runner: asyncio.Runner, postgres_url: str) -> Iterator[Authority]:
    async def prepare() -> Authority:
        urls: list[str] = []
        for service in ("registers", "absence_engine"):
            url = await create_database_if_absent(postgres_url, f"delivery-{service}")
            await migrate(url, service)
            urls.append(url)
        opened = [await Database.open(url, max_size=4, keyring=KEYRING) for url in (urls[0], urls[1], urls[1])]
        return Authority(opened[0], (opened[1], opened[2]), SMALL_ENGINE)

    found = runner.run(prepare())
    yield found
    for database in (found.registers, *found.engines):
        runner.run(database.close())


@slow
@given(
    first=terms,
    second=terms,
    what=st.lists(steps, min_size=1, max_size=8),
    chance=st.randoms(use_true_random=False),
    one_partition=st.booleans(),
)
def test_any_delivery_gives_what_the_second_implementation_says(
    authority: Authority,
    runner: asyncio.Runner,
    first: Term,
    second: Term,
    what: list[Step],
    chance: Random,
    one_partition: bool,
) -> None:
    async def example() -> str:
        await authority.empty()
        for step in [*beginning(first, second), *what]:
            await authority.take(step)
        ledgers = await authority.ledgers()
        await deliver(authority, ledgers, chance, one_partition=one_partition)
        for child in await authority.children():
            await check_figures(authority, child)
        found, episodes = await authority.audit(SMALL_PLAIN), await authority.episodes()
        await authority.rebuild()
        await deliver(authority, ledgers, chance, one_partition=not one_partition)
        assert await authority.episodes() == episodes  # rebuilt, they keep their ids, and nothing is announced anew
        return found or await authority.audit(SMALL_PLAIN)

    assert runner.run(example()) == ""


async def deliver(
    authority: Authority, ledgers: dict[int, list[bytes]], chance: Random, *, one_partition: bool
) -> None:
    """Everything, in one of all the ways in which it may arrive."""
    deliveries = [delivery([(urn, body) for body in ledgers[urn]], chance) for urn in SCHOOLS]
    partitions = [interleaved(deliveries[0], deliveries[1], chance)] if one_partition else deliveries
    await authority.deliver_all(partitions, [chance.randint(0, 1) for _ in range(7)])


@slow
@given(
    first=terms, second=terms, what=st.lists(steps, min_size=2, max_size=8), chance=st.randoms(use_true_random=False)
)
def test_after_every_step_it_is_what_the_second_implementation_says(
    authority: Authority,
    runner: asyncio.Runner,
    first: Term,
    second: Term,
    what: list[Step],
    chance: Random,
) -> None:
    """A later step would hide what an earlier one left wrong."""

    async def example() -> str:
        await authority.empty()
        delivered = dict.fromkeys(SCHOOLS, 0)
        for number, step in enumerate([*beginning(first, second), *what]):
            await authority.take(step)
            if number < len(beginning(first, second)) - 1:
                continue
            ledgers = await authority.ledgers()
            news = [[(urn, body) for body in ledgers[urn][delivered[urn] :]] for urn in SCHOOLS]
            await authority.deliver_all([delivery(new, chance) for new in news], [chance.randint(0, 1)])
            delivered = {urn: len(entries) for urn, entries in ledgers.items()}
            if found := await authority.audit(SMALL_PLAIN):
                return f"after {step}:\n{found}"
        return ""

    assert runner.run(example()) == ""


async def check_figures(authority: Authority, child: Child) -> None:
    """What the engine answers about a child is what the second implementation counts, in both grains."""
    for year in (2025, 2026):
        answer = await authority.figures(child.pupil_id, year)
        assert asdict(answer.counts) == asdict(figures.child_totals(child, year, CODES))
        for told in answer.stays:
            stay = Enrolment(*told.stay[:4])  # the audit knows no classes
            assert stay in child.enrolments
            assert asdict(told.counts) == asdict(figures.enrolment_totals(child, stay, year, CODES))
    penalty = SMALL_PLAIN.thresholds["PN_10_IN_10"]
    windows = (figures.best_window(child, penalty), figures.current_window(child, penalty))
    for told, wanted in zip((answer.penalty.best, answer.penalty.current), windows, strict=True):
        held = None if told is None else [(day_of(tick), session_of(tick)) for tick in told.ticks]
        assert held == (None if wanted is None else [mark.session for mark in wanted.marks])


@st.composite
def versioned_steps(draw: st.DrawFn) -> list[PutMarks | Delete]:
    """What a school's system sends over a few sessions, each with a version of its own, in the order of versions."""
    register = st.builds(
        PutMarks,
        st.just(FIRST),
        st.integers(0, 1),
        st.integers(1, 2),
        st.just(0),
        st.lists(st.sampled_from(["/", "O", "I", "", "H", None]), min_size=1, max_size=5).map(tuple),
    )
    deletion = st.builds(Delete, st.just(FIRST), st.integers(0, 2), st.sampled_from(PUPILS), st.just(0))
    sent = draw(st.lists(register | deletion, min_size=1, max_size=8))
    return [replace(step, version=version) for version, step in enumerate(sent, start=1)]


@slow
@given(sent=versioned_steps(), chance=st.randoms(use_true_random=False))
def test_versioned_registers_and_deletions_may_arrive_in_any_order(
    authority: Authority, runner: asyncio.Runner, sent: list[PutMarks | Delete], chance: Random
) -> None:
    """One school gets them in the order of their versions, another in any order."""
    shuffled = [replace(step, urn=SECOND) for step in sent]
    chance.shuffle(shuffled)

    async def example() -> tuple[dict[int, set[tuple[date, int, str, str]]], str]:
        await authority.empty()
        for urn in SCHOOLS:
            await authority.take(PutCalendar(urn, (True,)))
            for local_id in PUPILS:
                await authority.take(PutRow(urn, local_id, None, 0, None, "single", None))
        for step in [*sent, *shuffled]:
            await authority.take(step)
        ledgers = await authority.ledgers()
        await authority.deliver_all([[[(urn, body) for body in ledgers[urn]]] for urn in SCHOOLS], [0, 1])
        return await authority.standing_marks(), await authority.audit(SMALL_PLAIN)

    marks, found = runner.run(example())
    assert marks[FIRST] == marks[SECOND]
    assert found == ""
