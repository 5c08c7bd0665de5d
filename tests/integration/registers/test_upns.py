"""A child's UPNs: the present one, those that it had before, and whom they mean (rule book 9)."""

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

FIRST, SECOND, THIRD = "H869200124007", "F330123425001", "B801200005001"
TEMPORARY = "R33012342500A"


async def child(authority: Authority, number: str, upn: str | None, urn: int = URN, **changes: object) -> str:
    """The id of a pupil after a roll row."""
    answer = await authority.roll(pupil(number, upn=upn, **changes), urn=urn)
    return answer["results"][0]["pupil_id"]


async def upns_of(authority: Authority, pupil_id: str) -> list[tuple[str, str, bool]]:
    """UPN, kind, and whether it is the present one."""
    told = await authority.ask("GET", f"/v1/pupils/{pupil_id}")
    return [(one["upn"], one["kind"], one["replaced_at"] is None) for one in told["upns"]]


@pytest.fixture
async def schools(authority: Authority) -> Authority:
    await authority.school()
    await authority.school(OTHER)
    return authority


async def test_a_child_keeps_the_history_of_its_upns(schools: Authority) -> None:
    first = await child(schools, "1", TEMPORARY)
    assert await child(schools, "1", FIRST) == first
    told = await schools.ask("GET", f"/v1/pupils/{first}")
    assert (told["upn"], told["given_name"], told["schools"][0]["local_ids"]) == (FIRST, "Sam", ["1"])
    assert sorted(await upns_of(schools, first)) == [(FIRST, "permanent", True), (TEMPORARY, "temporary", False)]


async def test_an_old_upn_still_means_its_child_in_a_look_up_a_register_and_a_roll(schools: Authority) -> None:
    first = await child(schools, "1", TEMPORARY)
    await child(schools, "1", FIRST)
    assert (await schools.ask("POST", "/v1/pupils/lookup", json={"upn": TEMPORARY}))["pupil_id"] == first
    answer = await schools.register([{"upn": TEMPORARY, "code": "O"}])
    assert (answer["marks"][0]["status"], answer["marks"][0]["pupil_id"]) == ("accepted", first)
    assert await child(schools, "x", TEMPORARY, OTHER, family_name="Child1") == first
    assert (await schools.ask("GET", f"/v1/pupils/{first}"))["upn"] == FIRST  # said by an old one, it keeps the new one


async def test_a_mark_that_waits_for_an_old_upn_finds_its_child(schools: Authority) -> None:
    await child(schools, "1", TEMPORARY)
    await child(schools, "1", FIRST)
    await schools.register([{"upn": TEMPORARY, "code": "O"}], urn=OTHER)
    assert await schools.quarantine(OTHER) == [("O", "unknown-pupil")]
    await child(schools, "x", FIRST, OTHER)
    assert await schools.standing(urn=OTHER) == {"x": "O"}


async def test_an_old_upn_that_another_child_is_given_means_that_child(schools: Authority) -> None:
    first = await child(schools, "1", FIRST)
    await child(schools, "1", SECOND)
    second = await child(schools, "2", FIRST)
    assert second != first
    assert (await schools.ask("POST", "/v1/pupils/lookup", json={"upn": FIRST}))["pupil_id"] == second
    await child(schools, "2", THIRD)  # and goes on meaning the child who had it last
    assert (await schools.ask("POST", "/v1/pupils/lookup", json={"upn": FIRST}))["pupil_id"] == second
    assert await upns_of(schools, first) == [(FIRST, "permanent", False), (SECOND, "permanent", True)]


async def test_a_school_goes_back_to_a_permanent_upn_but_not_to_a_temporary_one(schools: Authority) -> None:
    first = await child(schools, "1", TEMPORARY)
    for upn, present in ((FIRST, FIRST), (TEMPORARY, FIRST), (SECOND, SECOND), (FIRST, FIRST)):
        assert await child(schools, "1", upn) == first
        assert (await schools.ask("GET", f"/v1/pupils/{first}"))["upn"] == present


async def test_a_temporary_upn_of_a_child_that_was_merged_means_the_survivor(schools: Authority) -> None:
    holder = await child(schools, "1", FIRST)
    await child(schools, "x", TEMPORARY, OTHER)
    assert await child(schools, "x", FIRST, OTHER) == holder
    answer = await schools.register([{"upn": TEMPORARY, "code": "/"}], urn=OTHER)
    assert answer["marks"][0]["pupil_id"] == holder
    assert (TEMPORARY, "temporary", False) in await upns_of(schools, holder)


async def test_two_children_whose_permanent_upns_were_exchanged_get_them_back(schools: Authority) -> None:
    one, other = await child(schools, "1", FIRST), await child(schools, "2", SECOND)
    await schools.register([{"upn": FIRST, "code": "O"}])
    answer = await schools.roll(pupil("1", upn=SECOND), pupil("2", upn=FIRST))
    assert [row["status"] for row in answer["results"]] == ["updated", "updated"]
    assert [row["pupil_id"] for row in answer["results"]] == [one, other]
    found = [await schools.ask("POST", "/v1/pupils/lookup", json={"upn": upn}) for upn in (FIRST, SECOND)]
    assert [it["pupil_id"] for it in found] == [other, one]
    assert await schools.standing() == {"1": "O"}  # it was sent for the child who had the UPN then


async def test_a_chain_of_upns_that_ends_with_a_new_one_is_taken(schools: Authority) -> None:
    await child(schools, "1", FIRST)
    await child(schools, "2", SECOND)
    answer = await schools.roll(pupil("1", upn=SECOND), pupil("2", upn=THIRD))
    assert [row["status"] for row in answer["results"]] == ["updated", "updated"]
    told = (await schools.ask("GET", f"/v1/schools/{URN}/roll"))["items"]
    assert {row["local_ids"][0]: row["upn"] for row in told} == {"1": SECOND, "2": THIRD}


@pytest.mark.parametrize(
    "other",
    [{"given_name": "Alex"}, {"date_of_birth": "2015-01-01"}, {"upn": SECOND}],
    ids=["another name", "another date of birth", "the other keeps its UPN"],
)
async def test_an_exchange_that_names_do_not_bear_out_is_a_problem_of_its_row(
    schools: Authority, other: dict[str, str]
) -> None:
    await child(schools, "1", FIRST)
    await child(schools, "2", SECOND)
    answer = await schools.roll(pupil("1", upn=SECOND), pupil("2", **({"upn": FIRST} | other)))
    codes = [row.get("problem", {}).get("code") for row in answer["results"]]
    assert codes[0] in ("upn-of-another-child", "duplicate-upn")
    told = (await schools.ask("GET", f"/v1/schools/{URN}/roll"))["items"]
    assert {row["local_ids"][0]: row["upn"] for row in told} == {"1": FIRST, "2": SECOND}


async def test_a_child_is_told_to_those_who_may_see_a_school_of_it(schools: Authority) -> None:
    first = await child(schools, "1", FIRST)
    seen = await schools.client.get(f"/v1/pupils/{first}", headers=bearer(schools=[URN]))
    assert [it["school_urn"] for it in seen.json()["schools"]] == [URN]
    hidden = await schools.client.get(f"/v1/pupils/{first}", headers=bearer(schools=[OTHER]))
    assert hidden.status_code == 404
