"""One id that is two children: a merge undone, or what a school says made another child's."""

from typing import Any

import pytest

from tests.integration.registers.conftest import FIRST, OTHER, SECOND, URN, Authority, bearer, pupil
from tests.keys import KEYRING

THIRD = "B801200005001"
NEW = 100003
SAID = {"reason": "Two records of one child", "by": "J. Field, data manager"}


async def merge(authority: Authority, dead: str, into: str, status: int = 200) -> Any:
    return await authority.ask("POST", f"/v1/pupils/{dead}/merge", status, json={"into": into, **SAID})


async def split(authority: Authority, pupil_id: str, status: int = 200, **what: Any) -> Any:
    return await authority.ask("POST", f"/v1/pupils/{pupil_id}/split", status, json={**what, **SAID})


async def of(authority: Authority, pupil_id: str) -> Any:
    return await authority.ask("GET", f"/v1/pupils/{pupil_id}")


async def test_a_merge_by_a_person_makes_two_ids_one_child(authority: Authority, pair: tuple[str, str]) -> None:
    living, dead = pair
    done = await merge(authority, dead, living)
    assert (done["kind"], done["pupil_id"], done["other"], done["by"]) == ("merge", living, dead, SAID["by"])
    assert [school["school_urn"] for school in done["schools"]] == [URN, OTHER]
    told = await of(authority, living)
    assert [school["local_ids"] for school in told["schools"]] == [["1"], ["x"]]
    assert {one["upn"]: one["replaced_at"] is None for one in told["upns"]} == {FIRST: True, SECOND: False}
    moved = await authority.client.get(f"/v1/pupils/{dead}")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/pupils/{living}")
    again = await merge(authority, dead, living)
    assert again["change_id"] == done["change_id"]
    assert again["schools"] == done["schools"]


async def test_a_split_gives_back_all_that_came_with_a_dead_id(authority: Authority, pair: tuple[str, str]) -> None:
    living, dead = pair
    before = [await of(authority, child) for child in pair]
    contacts = [await authority.ask("GET", f"/v1/pupils/{child}/contacts") for child in pair]
    await merge(authority, dead, living)
    done = await split(authority, living, restore=dead)
    assert (done["kind"], done["restored"], done["identity_version"]) == ("split", True, 2)
    assert [await of(authority, child) for child in pair] == before
    assert [await authority.ask("GET", f"/v1/pupils/{child}/contacts") for child in pair] == contacts
    assert (await split(authority, living, restore=dead))["change_id"] == done["change_id"]
    listed = await authority.ask("GET", f"/v1/pupils/{dead}/identity-changes")
    assert [(one["kind"], one["other"]) for one in listed["items"]] == [("merge", dead), ("split", dead)]


async def test_a_mark_sent_while_the_two_were_one_goes_to_the_restored_id(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    await merge(authority, dead, living)
    _, since = await authority.mark("x", "M", "2025-09-12/AM", OTHER)
    await split(authority, living, restore=dead)
    said = [entry["data"] for entry in await authority.changes(OTHER, since) if "marks" in entry["data"]]
    assert [one["marks"] for one in said] == [[{"pupil_id": living, "code": None}, {"pupil_id": dead, "code": "M"}]]
    assert await authority.standing("2025-09-12/AM", OTHER) == {"x": "M"}
    marks = (await authority.ask("GET", f"/v1/pupils/{dead}/marks"))["items"]
    assert [(mark["school_urn"], mark["code"]) for mark in marks] == [(OTHER, "M"), (OTHER, "O")]
    assert [mark["code"] for mark in (await authority.ask("GET", f"/v1/pupils/{living}/marks"))["items"]] == ["O"]
    async with authority.database.transaction() as tx:
        kept = await tx.fetchrow("select pupil_id::text, sent_for::text from mark where code = 'M'")
    assert kept is not None
    assert tuple(kept) == (dead, living)


async def test_two_ids_at_one_school_are_two_again(authority: Authority) -> None:
    await authority.school()
    rows = (await authority.roll(pupil("1", upn=FIRST), pupil("2", upn=SECOND)))["results"]
    living, dead = (row["pupil_id"] for row in rows)
    await authority.mark("1", "/")
    await authority.mark("2", "O")
    await merge(authority, dead, living)
    assert await authority.standing() == {"1": "O"}
    await split(authority, living, restore=dead)
    assert await authority.standing() == {"1": "/", "2": "O"}


async def test_a_dead_id_takes_those_along_that_had_died_into_it(authority: Authority, pair: tuple[str, str]) -> None:
    living, dead = pair
    earlier = (await authority.roll(pupil("y"), urn=OTHER))["results"][0]["pupil_id"]
    await merge(authority, earlier, dead)
    await merge(authority, dead, living)
    await split(authority, living, restore=dead)
    moved = await authority.client.get(f"/v1/pupils/{earlier}")
    assert moved.headers["location"] == f"/v1/pupils/{dead}"


async def test_what_a_school_says_is_said_of_another_child(authority: Authority, pair: tuple[str, str]) -> None:
    living, _ = pair
    wrong = await authority.roll(pupil("z", upn=FIRST), urn=OTHER)  # the school typed another child's UPN
    assert wrong["results"][0]["pupil_id"] == living
    await authority.mark("z", "M", urn=OTHER)
    other = (await split(authority, living, schools=[{"school_urn": OTHER}], upn=THIRD))["other"]
    told = await of(authority, other)
    assert (told["upn"], [school["local_ids"] for school in told["schools"]]) == (THIRD, [["z"]])
    assert [school["school_urn"] for school in (await of(authority, living))["schools"]] == [URN]
    assert (await authority.standing(urn=OTHER))["z"] == "M"
    assert (await authority.roll(pupil("z", upn=THIRD), urn=OTHER))["results"][0]["pupil_id"] == other


async def test_a_new_child_is_in_the_year_group_that_the_school_gave(authority: Authority) -> None:
    """On a day that is open for some year groups only, its marks go on standing."""
    await authority.school()
    old = (await authority.roll(pupil("1", upn=FIRST, year_group=7)))["results"][0]["pupil_id"]
    day = {"date": "2025-09-03", "sessions": ["AM"], "year_groups": [7]}
    later = {"date": "2025-09-10", "sessions": ["AM"]}
    await authority.ask("PUT", f"/v1/schools/{URN}/calendars/2025-26", json={"days": [day, later]})
    await authority.mark("1", "O", "2025-09-03/AM")
    await split(authority, old, schools=[{"school_urn": URN, "to": "2025-09-08"}])
    answer = await authority.ask("GET", f"/v1/schools/{URN}/registers/2025-09-03/AM")
    assert [(mark["pupil_id"] == old, mark["code"]) for mark in answer["marks"]] == [(False, "O")]


async def test_a_local_id_that_was_used_again_is_split_by_time(authority: Authority) -> None:
    await authority.school()
    old = (await authority.roll(pupil("1", upn=FIRST)))["results"][0]["pupil_id"]
    await authority.mark("1", "O", "2025-09-05/AM")
    await authority.mark("1", "M", "2025-09-12/AM")
    new = (await split(authority, old, schools=[{"school_urn": URN, "from": "2025-09-08"}]))["other"]
    stays = [(await of(authority, child))["schools"][0]["enrolments"] for child in (old, new)]
    assert [(one["from"], one["to"]) for (one,) in stays] == [("2025-09-01", "2025-09-07"), ("2025-09-08", None)]
    marks = [(await authority.ask("GET", f"/v1/pupils/{child}/marks"))["items"] for child in (old, new)]
    assert [[mark["code"] for mark in its] for its in marks] == [["O"], ["M"]]
    assert (await authority.mark("1", "I", "2025-09-12/AM"))[0] == "corrected"
    assert (await of(authority, new))["schools"][0]["local_ids"] == ["1"]
    assert (await of(authority, old))["schools"][0]["local_ids"] == [f"1/{old[:8]}"]


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ({}, "one-way"),
        ({"schools": [{"school_urn": 100009}]}, "not-at-school"),
        ({"schools": [{"school_urn": URN}]}, "nothing-left"),
        ({"schools": [{"school_urn": URN, "from": "2025-09-02", "to": "2025-09-01"}]}, "ends-before-it-starts"),
        ({"schools": [{"school_urn": URN, "from": "2025-09-02"}], "upn": "A1"}, "bad-upn"),
    ],
)
async def test_a_split_that_makes_no_sense_is_refused(
    authority: Authority, pair: tuple[str, str], what: dict[str, Any], code: str
) -> None:
    answer = await split(authority, pair[0], 422, **what)
    assert answer["errors"][0]["code"] == code


async def test_what_is_not_merged_is_not_restored_and_a_child_is_not_merged_with_itself(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, other = pair
    await split(authority, living, 422, restore=other)
    await merge(authority, living, living, 422)
    await merge(authority, living, "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01", 404)
    await split(authority, living, 409, schools=[{"school_urn": URN, "from": "2025-09-02"}], upn=SECOND)


async def test_only_who_sees_every_school_concerned_may_merge_or_split(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    one_school = bearer(schools=[URN])
    sent = {"into": living, **SAID}
    hidden = await authority.client.post(f"/v1/pupils/{dead}/merge", json=sent, headers=one_school)
    assert hidden.status_code == 404
    await merge(authority, dead, living)
    sent = {"restore": dead, **SAID}
    hidden = await authority.client.post(f"/v1/pupils/{living}/split", json=sent, headers=one_school)
    assert hidden.status_code == 404


async def test_who_may_not_see_a_child_is_not_told_that_its_id_is_dead(
    authority: Authority, pair: tuple[str, str]
) -> None:
    """404 for a hidden child, as from its other pages: not where it lives now, nor that two ids are one."""
    mine, hidden = pair
    dead = (await authority.roll(pupil("y", upn=THIRD), urn=OTHER))["results"][0]["pupil_id"]
    await merge(authority, dead, hidden)
    one_school = bearer(schools=[URN])
    for pupil_id, what, sent in (
        (dead, "merge", {"into": mine}), (hidden, "merge", {"into": hidden}), (mine, "merge", {"into": dead}),
        (dead, "split", {"restore": mine}), (hidden, "split", {"restore": dead}), (mine, "split", {"restore": dead}),
    ):  # fmt: skip
        path = f"/v1/pupils/{pupil_id}/{what}"
        await authority.ask("POST", path, 404, json={**sent, **SAID}, headers=one_school)
    await merge(authority, dead, mine, 308)
    moved = await authority.client.post(f"/v1/pupils/{dead}/split", json={"restore": mine, **SAID})
    assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/pupils/{hidden}/split")


async def test_a_school_hears_nothing_of_a_restored_child_that_it_does_not_know(authority: Authority) -> None:
    """Its ledger and the child's record say no more of the other child than that the two ids were one for a while."""
    children: list[str] = []
    for urn, number, upn in ((URN, "1", FIRST), (OTHER, "x", SECOND)):
        await authority.school(urn)
        answer = await authority.roll(pupil(number, upn=upn, flags=["CP"]), urn=urn)
        children.append(answer["results"][0]["pupil_id"])
    living, dead = children
    await merge(authority, dead, living)
    before = {urn: len(await authority.changes(urn)) for urn in (URN, OTHER)}
    await split(authority, living, restore=dead)
    told = {
        urn: [
            one["pupil_id"]
            for entry in await authority.changes(urn, before[urn])
            if "pupil-changed" in entry["type"]
            for one in entry["data"]["pupils"]
        ]
        for urn in (URN, OTHER)
    }
    assert told == {URN: [living], OTHER: [dead]}
    for child, urn in ((living, URN), (dead, OTHER)):
        path = f"/v1/pupils/{child}/identity-changes"
        assert len((await authority.ask("GET", path))["items"]) == 2
        assert (await authority.ask("GET", path, headers=bearer(schools=[urn])))["items"] == []
        assert len((await authority.ask("GET", path, headers=bearer(schools=[URN, OTHER])))["items"]) == 2


async def test_a_restored_child_keeps_what_a_school_has_called_it_since(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    await merge(authority, dead, living)
    await authority.roll(pupil("x2", upn=SECOND, family_name="Child1"), urn=OTHER)
    await authority.mark("x2", "M", "2025-09-12/AM", OTHER)
    await split(authority, living, restore=dead)
    (school,) = (await of(authority, dead))["schools"]
    assert (school["local_ids"], len(school["enrolments"])) == (["x", "x2"], 1)
    assert [school["school_urn"] for school in (await of(authority, living))["schools"]] == [URN]
    marks = (await authority.ask("GET", f"/v1/pupils/{dead}/marks"))["items"]
    assert [mark["code"] for mark in marks] == ["M", "O"]
    assert await authority.quarantine(OTHER) == []


async def test_a_restored_child_goes_where_its_school_has_gone_since(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    await authority.school(NEW)
    await merge(authority, dead, living)
    converted = {"successor_urn": NEW, "on": "2025-09-08"}
    await authority.ask("POST", f"/v1/schools/{OTHER}/conversion", json=converted)
    await authority.mark("x", "M", "2025-09-09/AM", NEW)
    await split(authority, living, restore=dead)
    known = {school["school_urn"]: school for school in (await of(authority, dead))["schools"]}
    assert {urn: (school["local_ids"], len(school["enrolments"])) for urn, school in known.items()} == {
        OTHER: (["x"], 1),
        NEW: (["x"], 1),
    }
    assert [school["school_urn"] for school in (await of(authority, living))["schools"]] == [URN]
    contacts = (await authority.ask("GET", f"/v1/pupils/{dead}/contacts"))["contacts"]
    assert [(one["school_urn"], one["name"]) for one in contacts] == [(NEW, "Robin x")]
    (mark,) = (await authority.ask("GET", f"/v1/schools/{NEW}/registers/2025-09-09/AM"))["marks"]
    assert (mark["pupil_id"], mark["code"]) == (dead, "M")


async def test_a_restored_child_leaves_what_another_id_brought(authority: Authority, pair: tuple[str, str]) -> None:
    """A third id, known at the same school and, since, at its successor, has died into the survivor and stays there."""
    living, dead = pair
    await authority.school(NEW)
    third = (await authority.roll(pupil("e", upn=THIRD), urn=OTHER))["results"][0]["pupil_id"]
    await merge(authority, dead, living)
    await merge(authority, third, living)
    converted = {"successor_urn": NEW, "on": "2025-09-08"}
    await authority.ask("POST", f"/v1/schools/{OTHER}/conversion", json=converted)
    await split(authority, living, restore=dead)
    for child, name in ((dead, "x"), (living, "e")):
        known = {school["school_urn"]: school for school in (await of(authority, child))["schools"]}
        for urn in (OTHER, NEW):
            assert (known[urn]["local_ids"], len(known[urn]["enrolments"])) == ([name], 1)


async def test_a_child_is_restored_from_the_survivor_of_its_survivor(
    authority: Authority, pair: tuple[str, str]
) -> None:
    living, dead = pair
    last = (await authority.roll(pupil("e", upn=THIRD), urn=OTHER))["results"][0]["pupil_id"]
    before = [await of(authority, child) for child in (dead, last)]
    await merge(authority, dead, living)
    await merge(authority, living, last)
    await split(authority, last, restore=dead)
    assert (await of(authority, dead)) == before[0]
    at_other = (await of(authority, last))["schools"][1]
    assert at_other == before[1]["schools"][0]


async def test_a_merge_of_which_the_survivors_local_ids_were_not_kept_is_undone(
    authority: Authority, pair: tuple[str, str]
) -> None:
    """So the first version of the record was: what goes back is then told by the local ids of now."""
    living, dead = pair
    before = [await of(authority, child) for child in pair]
    await merge(authority, dead, living)
    async with authority.database.transaction() as tx:
        (row,) = await tx.fetch("select change_id, said from identity_change")
        change_id, sealed = row
        said = KEYRING.open_json(sealed, f"identity_change/{change_id}", dict[str, Any])
        del said["went"]["survivors_local_ids"]
        await tx.execute(
            "update identity_change set said = $1", KEYRING.seal_json(said, f"identity_change/{change_id}")
        )
    await authority.mark("x", "M", "2025-09-12/AM", OTHER)
    await split(authority, living, restore=dead)
    assert [await of(authority, child) for child in pair] == before
    (mark,) = (await authority.ask("GET", f"/v1/schools/{OTHER}/registers/2025-09-12/AM"))["marks"]
    assert mark["pupil_id"] == dead


FACTS = ("sex", "date_of_birth", "year_group")


async def facts(authority: Authority, pupil_id: str) -> list[Any]:
    told = await of(authority, pupil_id)
    return [told[name] for name in FACTS]


async def test_what_nobody_said_of_the_survivor_is_known_of_the_dead_id_until_the_merge_is_undone(
    authority: Authority,
) -> None:
    """Told in the ledger as well, for compulsory school age and groups hang on it; a third one hands it on."""
    for urn in (URN, OTHER):
        await authority.school(urn)
    bare = {"local_id": "1", "given_name": "Sam", "family_name": "Child1", "enrolment": {"from": "2025-09-01"}}
    living = (await authority.roll(bare))["results"][0]["pupil_id"]
    last = (await authority.roll({**bare, "local_id": "2", "year_group": None}))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", sex="female"), urn=OTHER))["results"][0]["pupil_id"]
    of_dead = ["female", "2014-09-09", 6]
    since = len(await authority.changes(URN))
    await merge(authority, dead, living)
    assert await facts(authority, living) == of_dead
    (told,) = [
        one
        for entry in await authority.changes(URN, since)
        for one in entry["data"].get("pupils", [])
        if one["pupil_id"] == living and "date_of_birth" in one
    ]
    assert (told["date_of_birth"], told["year_group"]) == ("2014-09-09", 6)
    await merge(authority, living, last)
    assert await facts(authority, last) == ["female", "2014-09-09", None], "that it is in no year group was said"
    await split(authority, last, restore=dead)
    assert await facts(authority, last) == [None, None, None]
    await split(authority, last, restore=living)
    assert [await facts(authority, child) for child in (living, dead)] == [[None, None, None], of_dead]


async def test_what_was_said_of_the_survivor_stays_its_own(authority: Authority) -> None:
    """Before the merge, or since."""
    for urn in (URN, OTHER):
        await authority.school(urn)
    bare = {"local_id": "1", "given_name": "Sam", "family_name": "Child1", "enrolment": {"from": "2025-09-01"}}
    living = (await authority.roll({**bare, "sex": "male"}))["results"][0]["pupil_id"]
    dead = (await authority.roll(pupil("x", sex="female"), urn=OTHER))["results"][0]["pupil_id"]
    await merge(authority, dead, living)
    assert await facts(authority, living) == ["male", "2014-09-09", 6]
    await authority.roll({**bare, "date_of_birth": "2015-01-30", "year_group": 5})
    await split(authority, living, restore=dead)
    assert await facts(authority, living) == ["male", "2015-01-30", 5]
    assert await facts(authority, dead) == ["female", "2014-09-09", 6]
