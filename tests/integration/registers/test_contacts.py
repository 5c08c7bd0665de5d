"""Contacts whose child is another one now, or goes to another school: a roll rewrites its own pupil's contacts only."""

from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

FIRST, SECOND = "H869200124007", "F330123425001"
SAID = {"reason": "Two records of one child", "by": "J. Field, data manager"}


def named(name: str) -> list[dict[str, Any]]:
    return [{"local_id": "c", "name": name}]


async def child(authority: Authority, number: str, urn: int = URN, **changes: Any) -> str:
    """The id of a pupil after a roll row."""
    return (await authority.roll(pupil(number, **changes), urn=urn))["results"][0]["pupil_id"]


async def contacts_of(authority: Authority, pupil_id: str) -> list[tuple[int, str]]:
    """URN and name of each contact."""
    told = await authority.ask("GET", f"/v1/pupils/{pupil_id}/contacts")
    return [(contact["school_urn"], contact["name"]) for contact in told["contacts"]]


@pytest.fixture
async def schools(authority: Authority) -> Authority:
    await authority.school()
    await authority.school(OTHER)
    return authority


async def test_a_contact_that_a_split_made_another_childs_stays_with_that_child(schools: Authority) -> None:
    living = await child(schools, "1", upn=FIRST, contacts=named("Parent of the new one"))
    await child(schools, "x", OTHER, upn=FIRST)
    body = {"schools": [{"school_urn": URN}], **SAID}
    new = (await schools.ask("POST", f"/v1/pupils/{living}/split", json=body))["other"]
    assert await child(schools, "2", upn=FIRST, contacts=named("Parent of the first")) == living
    assert await contacts_of(schools, new) == [(URN, "Parent of the new one")]
    assert await contacts_of(schools, living) == [(URN, "Parent of the first")]
    again = await schools.roll(pupil("2", upn=FIRST, contacts=named("Parent of the first")))
    assert again["counts"]["unchanged"] == 1


async def test_the_survivors_school_does_not_rewrite_a_contact_of_the_restored_child(schools: Authority) -> None:
    living = await child(schools, "1", upn=FIRST)
    dead = await child(schools, "x", OTHER, upn=SECOND)
    await schools.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": living, **SAID})
    await child(schools, "x", OTHER, contacts=named("Parent of the restored"))
    await schools.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **SAID})
    assert await child(schools, "y", OTHER, upn=FIRST, contacts=named("Parent of the survivor")) == living
    assert await contacts_of(schools, dead) == [(OTHER, "Parent of the restored")]
    assert await contacts_of(schools, living) == [(OTHER, "Parent of the survivor")]


async def test_a_school_that_did_not_convert_after_all_leaves_the_other_its_contacts(schools: Authority) -> None:
    one = await child(schools, "1", contacts=named("Robin"))
    await schools.ask("POST", f"/v1/schools/{URN}/conversion", json={"successor_urn": OTHER, "on": "2025-09-08"})
    school = {"name": "Elm", "la_code": "330", "laestab": "3302001", "phase": "primary"}
    await schools.ask("PUT", f"/v1/schools/{URN}", json=school | {"closed_on": None, "successor_urn": None})
    statuses = [
        (await schools.roll(pupil("1", contacts=named("Robin Green"))))["results"][0]["status"] for _ in range(2)
    ]
    assert statuses == ["updated", "unchanged"]
    assert sorted(await contacts_of(schools, one)) == [(URN, "Robin Green"), (OTHER, "Robin")]
    await schools.roll(pupil("1", contacts=[]), urn=OTHER)
    assert await contacts_of(schools, one) == [(URN, "Robin Green")]
