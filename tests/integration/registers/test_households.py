"""Households as the ledger tells them: a child's own fact follows its contacts, merges, splits, and the key."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any

import msgspec
import pytest
from common.db import Database
from common.loops import Pulse
from registers.actions.households import tell_all

from tests.integration.registers import ledgers
from tests.integration.registers.conftest import OTHER, TODAY, URN, Authority, assemble, pupil, writer_on
from tests.integration.registers.test_rolls import contact

KEY = b"k" * 32


@pytest.fixture
async def school(database: Database) -> AsyncIterator[Authority]:
    """A school of a process that has a key."""
    process = assemble(database, TODAY, KEY)
    async with process.client() as client:
        authority = Authority(database, client, process.writer, process.woken)
        await authority.school()
        yield authority
    await ledgers.check(database)


async def child_of(school: Authority, number: str, urn: int = URN, **row: Any) -> str:
    return (await school.roll(pupil(number, **row), urn=urn))["results"][0]["pupil_id"]


async def facts(database: Database) -> dict[str, dict[str, Any]]:
    """The newest fact of each child, whichever school told it."""
    found: dict[str, dict[str, Any]] = {}
    async with database.transaction() as tx:
        rows = await tx.fetch("select convert_from(body, 'utf8') from ledger where type like '%pupil-changed%'")
    for (body,) in rows:
        for fact in msgspec.json.decode(body)["data"]["pupils"]:
            if fact["pupil_version"] > found.get(fact["pupil_id"], {"pupil_version": 0})["pupil_version"]:
                found[fact["pupil_id"]] = fact
    return found


def siblings(told: Mapping[str, Any], one: str, other: str, day: date = TODAY) -> bool:
    """What a reader of the facts takes two children for."""
    on = day.isoformat()
    codes = [
        {home["code"] for home in told[id].get("households", ()) if home.get("from", on) <= on <= home.get("to", on)}
        for id in (one, other)
    ]
    apart = set(told[one].get("not_siblings", ())) & set(told[other].get("not_siblings", ()))
    return bool(codes[0] & codes[1]) and not apart


async def test_a_change_of_one_childs_contacts_is_told_of_that_child_alone(school: Authority) -> None:
    await school.school(OTHER)
    first = await child_of(school, "1", contacts=[contact("c1")])
    second = await child_of(school, "2", urn=OTHER, contacts=[contact("c9")])
    assert siblings(await facts(school.database), first, second)
    before = len(await school.changes(OTHER))
    away = {"lines": ["9 Mill Lane"], "postcode": "B9 9AA"}
    moved = await school.roll(pupil("1", contacts=[contact("c1", address=away)]))
    assert moved["results"][0]["status"] == "updated"
    assert not siblings(await facts(school.database), first, second)
    assert len(await school.changes(OTHER)) == before
    last = (await school.changes())[-1]
    assert (last["type"].split(".")[-2], "households" in str(last)) == ("pupil-changed", False)


async def test_a_roll_that_says_the_same_again_tells_nothing(school: Authority) -> None:
    await child_of(school, "1", contacts=[contact("c1", to="2025-12-31")])
    before = len(await school.changes())
    again = await school.roll(pupil("1", contacts=[contact("c1", to="2025-12-31")]))
    assert (again["results"][0]["status"], len(await school.changes())) == ("unchanged", before)


async def test_whoever_is_barred_makes_no_siblings_while_the_order_holds(school: Authority) -> None:
    bar = {"from": "2025-09-10", "to": "2025-09-20"}
    first = await child_of(school, "1", contacts=[contact("c1", contact_barred=bar)])
    second = await child_of(school, "2", contacts=[contact("c1", do_not_contact=True)])
    told = await facts(school.database)
    assert [siblings(told, first, second, date(2025, 9, day)) for day in (9, 10, 20, 21)] == [True, False, False, True]
    assert (await school.ask("GET", f"/v1/pupils/{first}/siblings"))["siblings"] == []


async def test_what_is_said_of_siblings_is_told_of_both(school: Authority) -> None:
    await school.school(OTHER)
    first = await child_of(school, "1", contacts=[contact("c1")])
    neighbour = await child_of(school, "2", contacts=[contact("c1")])
    away = await child_of(school, "3", urn=OTHER)
    path = f"/v1/pupils/{first}/siblings"
    await school.ask("PUT", path, json={"siblings": [away], "not_siblings": [neighbour]})
    told = await facts(school.database)
    assert (siblings(told, first, neighbour), siblings(told, first, away)) == (False, True)
    await school.ask("PUT", path, json={"siblings": []})
    told = await facts(school.database)
    assert (siblings(told, first, neighbour), siblings(told, first, away)) == (True, False)


async def test_households_follow_a_merge_and_its_split(school: Authority) -> None:
    living, dead, other = [await child_of(school, n, contacts=[contact("c", **more)]) for n, more in (
        ("1", {"lives_with_pupil": False}), ("2", {}), ("3", {})
    )]  # fmt: skip
    await school.school(OTHER)
    await school.roll(pupil("9", upn=None), urn=OTHER)
    said = {"reason": "one child", "by": "J. Field"}
    assert not siblings(await facts(school.database), living, other)
    await school.roll(pupil("1", contacts=[]))
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": living, **said})
    assert siblings(await facts(school.database), living, other)
    await school.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **said})
    told = await facts(school.database)
    assert (siblings(told, living, other), siblings(told, dead, other)) == (False, True)


async def test_children_who_were_there_before_the_key_are_told_once_and_again_with_another_key(
    school: Authority,
) -> None:
    database = school.database
    children = [await child_of(school, str(n), contacts=[contact("c")]) for n in range(3)]
    rows = {id: fact["pupil_version"] for id, fact in (await facts(database)).items()}
    stop = asyncio.Event()
    assert await tell_all(database, writer_on(database, household_key=KEY), stop, Pulse()) == 0
    before = await facts(database)
    another = writer_on(database, household_key=b"q" * 32)
    assert await tell_all(database, another, stop, Pulse()) == 3
    assert await tell_all(database, another, stop, Pulse()) == 0
    after = await facts(database)
    assert all(after[id]["pupil_version"] == version + 1 for id, version in rows.items())
    assert not {str(after[id]["households"]) for id in children} & {str(before[id]["households"]) for id in children}
    assert siblings(after, children[0], children[1])
    assert await tell_all(database, writer_on(database), stop, Pulse()) == 3
    assert "households" not in (await facts(database))[children[0]]
