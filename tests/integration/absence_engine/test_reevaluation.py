"""Another version of a policy comes into force: everybody whom it concerns is looked at once more, and nobody else."""

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from absence_engine.actions import evaluate, reevaluate
from absence_engine.actions.holding import Policies
from absence_engine.actions.policies import keep_up, publish
from absence_engine.actions.reevaluate import Reevaluating
from absence_engine.consumer import handler
from absence_engine.domain.policy import ALWAYS, Policy, policies, read
from absence_engine.store import episodes
from common.broker import Record
from common.events.registers import RecalculationEnded, RecalculationStarted
from common.listen import Signal
from common.preconditions import Precondition
from common.security import Caller

from tests.delivery import until
from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger, calendar, merged, pupil, records
from tests.integration.absence_engine.policy_sets import EIGHT, SHIPPED, Council, document
from tests.integration.absence_engine.test_answers import ANN, BEN, CAL, DAYS, OTHER, URN, play, school

EIGHT_PERCENT = "/" * 10 + "I" * 4 + "/" * 37
"""4 of 51 in the end: a tenth is not reached since ten sessions, a twelfth since three."""
VERSION = "330-2026.1"


@pytest.fixture
async def council(engine: Engine) -> Council:
    """Ann and Cal are at a school of 330, Ben at one of 333; all of them have missed the same."""
    here, there = school(URN, ANN, CAL), school(OTHER, BEN, la_code="333")
    for pupil_id, ledger in ((ANN, here), (CAL, here), (BEN, there)):
        play(ledger, pupil_id, EIGHT_PERCENT)
    await engine.take(here.entries)
    await engine.take(there.entries, 1)
    found = Council(engine)
    await found.follow()
    return found


async def persistent(engine: Engine) -> list[tuple[Any, ...]]:
    """Who stands under PA, in which state and by which version."""
    return await engine.fetch(
        "select pupil_id::text, state, policy_version from episode where kind = 'PA' and state <> 'reversed' order by 1"
    )


async def test_children_are_judged_by_a_version_that_is_published_and_others_are_left_alone(
    council: Council,
) -> None:
    engine = council.engine
    assert await persistent(engine) == [(child, "ended", SHIPPED.version) for child in (ANN, BEN, CAL)]
    others = await engine.fetch("select * from episode where pupil_id = $1", BEN)
    await council.publish(VERSION, document(**EIGHT))
    assert await council.follow() == 2
    assert await persistent(engine) == [
        (ANN, "open", VERSION),
        (BEN, "ended", SHIPPED.version),
        (CAL, "open", VERSION),
    ]
    assert await engine.fetch("select * from episode where pupil_id = $1", BEN) == others
    kept = await engine.fetch("select distinct policy_version from episode where kind <> 'PA'")
    assert kept == [(SHIPPED.version,)]
    of_ann = await engine.fetch("select episode_id::text from episode where kind = 'PA' and pupil_id = $1", ANN)
    async with engine.database.connection() as connection:
        (told,) = (await episodes.whole(connection, of_ann[0])).values()
    assert told.explanation.formula["comparison"] == "absent * 12 >= possible"
    assert told.explanation.policy_version == VERSION
    announced = [event.data for event in await engine.said() if event.subject == ANN and event.data.kind == "PA"]
    assert [(data.state, data.explanation.policy_version) for data in announced[-2:]] == [
        ("ended", SHIPPED.version),
        ("open", VERSION),
    ]


async def test_a_later_version_takes_back_what_an_earlier_one_brought(council: Council) -> None:
    await council.publish(VERSION, document(SA={"of": 12}))
    await council.follow()
    severe = "select pupil_id::text, policy_version from episode where kind = 'SA' and state = 'open' order by 1"
    assert await council.engine.fetch(severe) == [(ANN, VERSION), (CAL, VERSION)]
    later = Council(council.engine, replace(CLOCK, fixed_today=date(2025, 10, 2)))
    await later.publish("330-2026.2", document(), valid_from="2025-10-02")
    await later.follow()
    assert await council.engine.fetch(severe) == []
    states = await council.engine.fetch("select distinct state, event from episode where kind = 'SA'")
    assert states == [("reversed", "reversed")]


async def test_who_rests_on_a_threshold_that_is_as_it_was_hears_nothing(council: Council) -> None:
    before = await council.engine.fetch("select * from episode order by 1"), len(await council.engine.said())
    await council.publish(VERSION, document() | {"suppress_below": 10})
    assert await council.follow() == 2
    assert (await council.engine.fetch("select * from episode order by 1"), len(await council.engine.said())) == before


async def test_a_kind_that_a_version_leaves_out_has_no_episodes(council: Council) -> None:
    kind = "select count(*) from episode where kind = 'AT_RISK' and state <> 'reversed' and pupil_id = $1"
    ((before,),) = await council.engine.fetch(kind, ANN)
    left_out: dict[str, dict[str, Any] | None] = {kind: None for kind in SHIPPED.thresholds if kind not in ALWAYS}
    await council.publish(VERSION, document(**left_out))
    await council.follow()
    assert await council.engine.fetch(kind, ANN) == [(0,)]
    assert before == ("AT_RISK" in SHIPPED.thresholds)


async def test_what_comes_of_it_is_what_would_have_come_of_the_version_from_the_start(
    council: Council, other_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "AT_A_TIME", 1)
    await council.publish(VERSION, document(**EIGHT))
    await council.follow()
    here, there = school(URN), school(OTHER, la_code="333")
    await other_engine.take(here.entries)
    await other_engine.take(there.entries, 1)
    from_the_start = Council(other_engine)
    await from_the_start.publish(VERSION, document(**EIGHT))
    await from_the_start.follow()
    for ledger, its in ((here, (ANN, CAL)), (there, (BEN,))):
        before = len(ledger.entries)
        ledger.enrol(*its, from_="2025-09-01")
        for pupil_id in its:
            play(ledger, pupil_id, EIGHT_PERCENT)
        await other_engine.take(ledger.entries[before:], int(ledger is there))
    assert await other_engine.standing() == await council.engine.standing() != []


async def test_a_version_comes_into_force_at_midnight(council: Council) -> None:
    await council.publish(VERSION, document(**EIGHT), valid_from="2025-10-02")
    assert await council.follow() == 0
    tomorrow = council.on(date(2025, 10, 2))
    assert await tomorrow.follow() == 2
    assert await tomorrow.follow() == 0
    assert [state for _, state, _ in await persistent(council.engine)] == ["open", "ended", "open"]


async def test_a_clock_behind_midnight_publishes_for_the_day_that_others_have_begun(council: Council) -> None:
    tomorrow = council.on(date(2025, 10, 2))
    await tomorrow.follow()
    await council.publish(VERSION, document(**EIGHT), valid_from="2025-10-02")
    assert await tomorrow.follow() == 2
    assert [state for _, state, _ in await persistent(council.engine)] == ["open", "ended", "open"]


async def test_a_clock_behind_midnight_does_not_take_it_back(council: Council) -> None:
    await council.publish(VERSION, document(**EIGHT), valid_from="2025-10-02")
    assert await council.on(date(2025, 10, 2)).follow() == 2
    said = await council.engine.said()
    assert await council.follow() == 0
    assert await council.engine.said() == said


async def test_a_day_that_was_far_ahead_is_put_right(council: Council) -> None:
    await council.publish(VERSION, document(**EIGHT), valid_from="2025-10-09")
    assert await council.on(date(2025, 10, 9)).follow() == 2
    assert await council.follow() == 2
    assert [state for _, state, _ in await persistent(council.engine)] == ["ended"] * 3


async def test_an_upgrade_that_ships_another_version_is_a_publication(council: Council) -> None:
    shipped = [*policies(), newer("england-2025.1", **EIGHT)]
    engine = council.engine
    engine.policies = Policies(CLOCK, shipped)
    await engine.database.in_transaction(lambda tx: keep_up(tx, CLOCK, shipped))
    assert await council.follow() == 3
    assert await persistent(engine) == [(child, "open", "england-2025.1") for child in (ANN, BEN, CAL)]


def newer(version: str, **thresholds: Any) -> Policy:
    """What ships, changed, from 1 September 2025 on."""
    return read(document(**thresholds) | {"version": version, "valid_from": "2025-09-01"})


async def test_what_was_cut_off_goes_on_where_it_was(council: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reevaluate, "CHILDREN_A_CHUNK", 1)
    await council.publish(VERSION, document(**EIGHT))
    assert await council.chunk() == 1
    fresh = (await council.ask("GET", f"/v1/schools/{URN}/absence"))["freshness"]["schools"][0]
    assert fresh["recalculating"] is True
    elsewhere = (await council.ask("GET", f"/v1/schools/{OTHER}/absence"))["freshness"]["schools"][0]
    assert "recalculating" not in elsewhere
    assert [version for _, _, version in await persistent(council.engine)] == [VERSION, *[SHIPPED.version] * 2]
    with pytest.raises(asyncio.CancelledError):
        await council.engine.database.in_transaction(broken_off(council))
    after = Council(council.engine)
    after.engine.policies = Policies(CLOCK)
    assert await after.follow() == 1
    assert [version for _, _, version in await persistent(council.engine)] == [VERSION, SHIPPED.version, VERSION]
    fresh = (await council.ask("GET", f"/v1/schools/{URN}/absence"))["freshness"]["schools"][0]
    assert "recalculating" not in fresh


def broken_off(council: Council) -> Any:
    async def work(tx: Any) -> None:
        assert await reevaluate.evaluate_next(tx, CLOCK, council.engine.policies, ()) == 1
        raise asyncio.CancelledError

    return work


async def test_two_processes_do_it_once_between_them(council: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reevaluate, "CHILDREN_A_CHUNK", 1)
    await council.publish(VERSION, document(**EIGHT))
    before = len(await council.engine.said())
    database, stop = council.engine.database, asyncio.Event()

    def process() -> Reevaluating:
        return Reevaluating(database, CLOCK, Policies(CLOCK), Signal(), Signal(), lambda: None)

    works = [asyncio.create_task(process().run(stop)) for _ in range(2)]

    async def finished() -> bool:
        return not await council.engine.fetch("select from reevaluation where finished_at is null")

    await until(finished)
    stop.set()
    await asyncio.gather(*works)
    said = [event for event in (await council.engine.said())[before:] if event.data.kind == "PA"]
    assert sorted(event.subject for event in said) == [ANN, CAL]
    assert await council.engine.fetch("select sum(children)::int from reevaluation where la_code = '330'") == [(2,)]


async def test_a_process_that_has_not_heard_of_a_version_judges_by_it_all_the_same(council: Council) -> None:
    other = Policies(CLOCK)
    handle = handler(CLOCK, other)
    async with council.engine.database.transaction() as tx:
        assert (await other.at_present(tx, [URN])).of_school(URN)(2025).version == SHIPPED.version
    await council.publish(VERSION, document(**EIGHT))
    await council.follow()
    more = Ledger(URN)
    more.entries = school(URN, ANN, CAL).entries
    for child in (ANN, CAL):
        play(more, child, EIGHT_PERCENT)
    before = len(more.entries)
    play(more, ANN, "I", first=len(EIGHT_PERCENT))
    batch = records(more.entries[before:], 0, before)
    await council.engine.database.in_transaction(lambda tx: handle(tx, batch))
    assert (await persistent(council.engine))[0] == (ANN, "open", VERSION)
    assert await council.follow() == 0


NEW = pupil(4)


def with_a_new_child() -> list[Record]:
    """A batch in which a child appears that has missed as much as the others."""
    ledger = school(URN, ANN, CAL)
    for child in (ANN, CAL):
        play(ledger, child, EIGHT_PERCENT)
    before = len(ledger.entries)
    ledger.enrol(NEW, from_="2025-09-01")
    play(ledger, NEW, EIGHT_PERCENT)
    return records(ledger.entries[before:], 0, before)


async def test_a_child_of_a_batch_that_was_open_at_the_publication_is_judged_by_the_new_version(
    council: Council,
) -> None:
    engine = council.engine
    async with engine.database.transaction() as batch:
        await engine.handle(batch, with_a_new_child())
        await council.publish(VERSION, document(**EIGHT))
        assert await council.follow() == 0, "nobody is looked at while somebody may still come"
    assert await council.follow() == 3
    assert await judged(engine) == {ANN: VERSION, BEN: SHIPPED.version, CAL: VERSION, NEW: VERSION}


async def test_so_is_one_of_a_batch_that_began_while_the_publication_was_not_yet_committed(council: Council) -> None:
    engine = council.engine
    await council.ask("PUT", f"/v1/policies/330/{VERSION}", document(**EIGHT))
    head = Caller("head", frozenset({"policies:write"}))
    async with engine.database.transaction() as batch:
        async with engine.database.transaction() as publication:
            day, always = date(2025, 10, 1), Precondition()
            await publish(publication, head, "330", VERSION, day, "A. Head", None, CLOCK, always)
            await engine.handle(batch, with_a_new_child())
        assert await council.follow() == 0
    assert await council.follow() == 3
    assert await judged(engine) == {ANN: VERSION, BEN: SHIPPED.version, CAL: VERSION, NEW: VERSION}


async def test_a_second_publication_waits_for_the_batches_of_its_own_time(council: Council) -> None:
    engine = council.engine
    await council.publish(VERSION, document(**EIGHT))
    await council.look()
    async with engine.database.transaction() as batch:
        await engine.handle(batch, with_a_new_child())
        await council.publish("330-2026.2", document(PA={"of": 13}))
        assert await council.follow() == 0
    assert await council.follow() == 3
    assert set((await judged(engine)).values()) == {"330-2026.2", SHIPPED.version}


async def judged(engine: Engine) -> dict[str, str]:
    """By child the version by which its PA stands."""
    return {child: version for child, _, version in await persistent(engine)}


async def test_who_waits_for_a_recalculation_is_judged_at_its_end(council: Council) -> None:
    ledger = school(URN, ANN, CAL)
    for child in (ANN, CAL):
        play(ledger, child, EIGHT_PERCENT)
    before = len(ledger.entries)
    ledger.write(*calendar(DAYS), (RecalculationStarted, {"sessions": 2, "children": None}))
    await council.engine.take(ledger.entries[before:])
    await council.publish(VERSION, document(**EIGHT))
    assert await council.follow() == 0
    before = len(ledger.entries)
    ledger.write((RecalculationEnded, {"sessions": 2, "marks": 0}))
    await council.engine.take(ledger.entries[before:])
    assert [version for _, _, version in await persistent(council.engine)] == [VERSION, SHIPPED.version, VERSION]


async def test_a_child_that_moves_is_judged_by_the_authority_that_it_moved_to(council: Council) -> None:
    await council.publish(VERSION, document(**EIGHT))
    await council.follow()
    ledger = school(URN, ANN, CAL)
    for child in (ANN, CAL):
        play(ledger, child, EIGHT_PERCENT)
    before = len(ledger.entries)
    ledger.enrol(BEN, from_="2025-10-01")
    play(ledger, BEN, "/", first=len(EIGHT_PERCENT))
    await council.engine.take(ledger.entries[before:])
    assert (await persistent(council.engine))[1] == (BEN, "open", VERSION)


async def test_a_school_that_moves_takes_its_children_along(council: Council) -> None:
    await council.publish(VERSION, document(**EIGHT))
    await council.follow()
    ledger = school(OTHER, BEN, la_code="333")
    play(ledger, BEN, EIGHT_PERCENT)
    before = len(ledger.entries)
    ledger.school("330")
    await council.engine.take(ledger.entries[before:], 1)
    assert await council.follow() == 3
    assert await persistent(council.engine) == [(child, "open", VERSION) for child in (ANN, BEN, CAL)]


async def test_a_merged_child_is_looked_at_as_one(council: Council) -> None:
    ledger = school(URN, ANN, CAL)
    for child in (ANN, CAL):
        play(ledger, child, EIGHT_PERCENT)
    before = len(ledger.entries)
    ledger.write(merged(CAL, ANN, 1))
    await council.engine.take(ledger.entries[before:])
    await council.publish(VERSION, document(**EIGHT))
    await council.follow()
    assert await persistent(council.engine) == [(ANN, "open", VERSION), (BEN, "ended", SHIPPED.version)]
