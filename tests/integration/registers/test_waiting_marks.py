"""Marks that wait for a child whom their school does not know, by UPN or id: whose they are after merges and splits."""

import pytest

from tests.integration.registers.conftest import FIRST, OTHER, SECOND, URN, Authority, pupil
from tests.integration.registers.test_splits import NEW, THIRD, merge, of, split

TEMPORARY, LATER = "R33012342500A", "E33012342501A"
SLOT = "2025-09-12/AM"


async def test_a_mark_sent_by_the_other_ids_upn_stands_again_when_the_merge_is_said_again(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    await authority.register([{"upn": SECOND, "code": "M"}], "2025-09-12/AM")
    assert await authority.quarantine() == [("M", "unknown-pupil")]
    await merge(authority, dead, living)
    assert await authority.standing("2025-09-12/AM") == {"1": "M"}
    await split(authority, living, restore=dead)
    assert await authority.quarantine() == [("M", "unknown-pupil")]
    await merge(authority, dead, living)
    assert (await authority.standing("2025-09-12/AM"), await authority.quarantine()) == ({"1": "M"}, [])


@pytest.mark.parametrize("upn", [SECOND, None])
async def test_what_was_sent_for_a_restored_child_waits_where_nobody_knows_it_until_a_roll_brings_it(
    authority: Authority, upn: str | None
) -> None:
    """As it did before the two were one; what the school had sent for the other child stands again."""
    for urn in (URN, OTHER):
        await authority.school(urn)
    living = (await authority.roll(pupil("1", upn=FIRST)))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", upn=upn), urn=OTHER))["results"][0]["pupil_id"]
    slot = "2025-09-12/AM"
    await authority.mark("1", "/", slot)
    await authority.register([{"pupil_id": dead, "code": "M"}], slot)
    before = (await authority.standing(slot), await authority.quarantine())
    assert before == ({"1": "/"}, [("M", "unknown-pupil")])
    await merge(authority, dead, living)
    assert (await authority.standing(slot), await authority.quarantine()) == ({"1": "M"}, [])
    await split(authority, living, restore=dead)
    assert (await authority.standing(slot), await authority.quarantine()) == before
    (waiting,) = (await authority.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    key = {"kind": "pupil_id", "value": dead} if upn is None else {"kind": "upn", "value": upn}
    assert (waiting["pupil_id"], waiting["key"]) == (None, key)
    if upn is not None:
        await authority.roll(pupil("2", upn=upn))
        assert (await authority.standing(slot), await authority.quarantine()) == ({"1": "/", "2": "M"}, [])


async def test_a_mark_that_arrived_by_the_upn_that_a_merge_brought_waits_again_once_the_child_is_restored(
    authority: Authority,
) -> None:
    """Also where the survivor had none as good, so that the UPN became its own, and the school knows the survivor."""
    for urn in (URN, OTHER):
        await authority.school(urn)
    living = (await authority.roll(pupil("1")))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", upn=SECOND), urn=OTHER))["results"][0]["pupil_id"]
    slot = "2025-09-12/AM"
    await authority.register([{"upn": SECOND, "code": "M"}], slot)
    assert await authority.quarantine() == [("M", "unknown-pupil")]
    await merge(authority, dead, living)
    assert (await authority.standing(slot), await authority.quarantine()) == ({"1": "M"}, [])
    await split(authority, living, restore=dead)
    assert [(await of(authority, child))["upn"] for child in (living, dead)] == [None, SECOND]
    assert (await authority.standing(slot), await authority.quarantine()) == ({}, [("M", "unknown-pupil")])
    (waiting,) = (await authority.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    assert (waiting["pupil_id"], waiting["key"]) == (None, {"kind": "upn", "value": SECOND})
    await authority.roll(pupil("2", upn=SECOND, family_name="Childx"))
    assert (await authority.standing(slot), await authority.quarantine()) == ({"2": "M"}, [])
    assert [school["local_ids"] for school in (await of(authority, dead))["schools"]] == [["2"], ["x"]]


async def test_a_mark_goes_with_the_id_that_its_upn_named_though_the_survivor_has_another_upn_by_now(
    authority: Authority,
) -> None:
    """The UPN that a merge brought was replaced before the mark's school came to know the survivor."""
    for urn in (URN, OTHER, NEW):
        await authority.school(urn)
    living = (await authority.roll(pupil("1")))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", upn=SECOND), urn=OTHER))["results"][0]["pupil_id"]
    await authority.register([{"upn": SECOND, "code": "M"}], SLOT, NEW)
    await merge(authority, dead, living)
    await authority.roll(pupil("1", upn=THIRD))
    await authority.roll(pupil("n", upn=THIRD), urn=NEW)
    assert (await authority.standing(SLOT, NEW), await authority.quarantine(NEW)) == ({"n": "M"}, [])
    await split(authority, living, restore=dead)
    assert (await of(authority, living))["upn"] == THIRD
    assert (await authority.standing(SLOT, NEW), await authority.quarantine(NEW)) == ({}, [("M", "unknown-pupil")])


@pytest.mark.parametrize("has_upn", [False, True])
async def test_a_mark_of_an_id_that_died_before_waits_for_that_id(authority: Authority, *, has_upn: bool) -> None:
    """Two merges, undone one after the other: the mark is neither the survivor's nor of the one in between."""
    for urn in (URN, OTHER):
        await authority.school(urn)
    last = (await authority.roll(pupil("1", upn=FIRST)))["results"][0]["pupil_id"]
    between = pupil("x", upn=SECOND if has_upn else None)
    rows = (await authority.roll(between, pupil("y", upn=THIRD), urn=OTHER))["results"]
    middle, dead = (row["pupil_id"] for row in rows)
    await authority.register([{"upn": THIRD, "code": "M"}], SLOT)
    await merge(authority, dead, middle)
    await merge(authority, middle, last)
    assert await authority.standing(SLOT) == {"1": "M"}
    await split(authority, last, restore=middle)
    (waiting,) = (await authority.ask("GET", f"/v1/schools/{URN}/quarantine"))["items"]
    assert waiting["key"] == {"kind": "upn", "value": THIRD}
    await split(authority, middle, restore=dead)
    await authority.roll(pupil("2", upn=SECOND, family_name="Childx"))
    assert await authority.standing(SLOT) == {}
    await authority.roll(pupil("3", upn=THIRD, family_name="Childy"))
    assert await authority.standing(SLOT) == {"3": "M"}


async def test_two_merges_undone_from_the_first_leave_everybody_their_own_upn(authority: Authority) -> None:
    """The UPN that went from the first to the second and on to the third is the first's again."""
    for urn in (URN, OTHER, NEW):
        await authority.school(urn)
    ids: list[str] = []
    for urn, upn in ((URN, SECOND), (OTHER, TEMPORARY), (NEW, LATER)):
        ids.append((await authority.roll(pupil("1", upn=upn), urn=urn))["results"][0]["pupil_id"])
    first, second, third = ids
    await authority.register([{"upn": SECOND, "code": "M"}], SLOT, NEW)
    await merge(authority, first, second)
    await merge(authority, second, third)
    assert (await of(authority, third))["upn"] == SECOND
    assert await authority.standing(SLOT, NEW) == {"1": "M"}
    await split(authority, third, restore=first)
    assert [(await of(authority, child))["upn"] for child in (first, third)] == [SECOND, LATER]
    assert await authority.quarantine(NEW) == [("M", "unknown-pupil")]
    await split(authority, third, restore=second)
    assert [(await of(authority, child))["upn"] for child in ids] == [SECOND, TEMPORARY, LATER]
    assert await authority.quarantine(NEW) == [("M", "unknown-pupil")]


async def test_a_upn_that_a_part_takes_along_names_the_new_child(authority: Authority) -> None:
    """A mark that waited by it is the new child's, also when the merge that had brought the UPN is undone."""
    for urn in (URN, OTHER, NEW):
        await authority.school(urn)
    living = (await authority.roll(pupil("1")))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", upn=SECOND), urn=OTHER))["results"][0]["pupil_id"]
    await authority.register([{"upn": SECOND, "code": "M"}], SLOT, NEW)
    await merge(authority, dead, living)
    new = (await split(authority, living, schools=[{"school_urn": OTHER}], upn=SECOND))["other"]
    await authority.roll(pupil("n", upn=SECOND), urn=NEW)
    await split(authority, living, restore=dead)
    assert [(await of(authority, child))["upn"] for child in (living, dead, new)] == [None, None, SECOND]
    assert await authority.standing(SLOT, NEW) == {"n": "M"}
