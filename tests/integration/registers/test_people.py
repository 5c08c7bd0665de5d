"""Part-time timetables and their reviews, social workers, households and siblings."""

import json
from importlib import import_module
from typing import Any

import msgspec
import pytest
from common.db import Database
from registers.domain.contacts import Address, household_at

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil
from tests.integration.registers.test_rolls import contact

PLAN = {"from": "2025-09-08", "to": "2025-10-17", "review_on": "2025-09-12", "agreed_by": ["Robin Green, mother"]}
WORKER = {"name": "A. Brook", "email": "a.brook@example.org", "phone": None, "from": "2025-09-01", "to": None}


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    return authority


async def child_of(school: Authority, number: str = "1", urn: int = URN, **row: Any) -> str:
    return (await school.roll(pupil(number, **row), urn=urn))["results"][0]["pupil_id"]


async def put_plans(school: Authority, child: str, *plans: dict[str, Any], status: int = 200, urn: int = URN) -> Any:
    path = f"/v1/schools/{urn}/part-time-timetables/{child}"
    return await school.ask("PUT", path, status, json={"plans": list(plans)})


async def plans(school: Authority, **query: Any) -> list[tuple[str, str, bool]]:
    page = await school.ask("GET", "/v1/part-time-timetables", params=query)
    return [(one["pupil_id"], one["from"], one["overdue"]) for one in page["items"]]


async def test_a_part_time_timetable_whose_review_is_past_and_was_not_held_is_overdue(school: Authority) -> None:
    child = await child_of(school)
    await put_plans(school, child, PLAN)
    assert await plans(school) == [(child, "2025-09-08", True)]
    assert await plans(school, on="2025-09-12") == [(child, "2025-09-08", False)]
    assert await plans(school, on="2025-09-12", overdue=True) == []
    assert await plans(school, overdue=True, school_urn=URN) == [(child, "2025-09-08", True)]
    await put_plans(school, child, {**PLAN, "reviewed_on": "2025-09-12"})
    assert await plans(school, overdue=True) == []
    assert await plans(school, on="2025-10-18") == []


async def test_a_part_time_timetable_is_a_flag_of_the_child_and_its_people_are_told_to_nobody(
    school: Authority,
) -> None:
    child = await child_of(school)
    written = await put_plans(school, child, PLAN)
    answer = await school.ask("GET", f"/v1/pupils/{child}/flags")
    assert answer["flags"] == [
        {
            "flag": "PART_TIME_TIMETABLE", "from": "2025-09-08", "to": "2025-10-17", "source": f"timetable-{URN}",
            "school_urn": URN,
        }
    ]  # fmt: skip
    last = (await school.changes())[-1]
    assert (last["sequence"], "Robin" in str(last)) == (written["sequence"], False)
    assert (await put_plans(school, child, PLAN))["sequence"] == written["sequence"]
    await put_plans(school, child)
    assert (await school.ask("GET", f"/v1/pupils/{child}/flags"))["flags"] == []


async def test_pages_of_part_time_timetables_follow_one_another(school: Authority) -> None:
    children = sorted([await child_of(school, str(n)) for n in range(3)])
    for child in children:
        await put_plans(school, child, PLAN)
    page = await school.ask("GET", "/v1/part-time-timetables?page_size=2")
    rest = await school.ask("GET", page["next"])
    assert [one["pupil_id"] for one in page["items"] + rest["items"]] == children
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ([{**PLAN, "to": "2025-09-01"}], "ends-before-it-starts"),
        ([PLAN, {**PLAN, "from": "2025-10-01"}], "overlapping"),
    ],
)
async def test_part_time_timetables_that_make_no_sense_are_refused(
    school: Authority, said: list[dict[str, Any]], code: str
) -> None:
    answer = await put_plans(school, await child_of(school), *said, status=422)
    assert [fault["code"] for fault in answer["errors"]] == [code]


async def test_a_school_plans_for_its_own_pupils_only(school: Authority) -> None:
    await school.school(OTHER)
    child = await child_of(school)
    await put_plans(school, child, PLAN, status=404, urn=OTHER)
    await put_plans(school, child, PLAN)
    answer = await school.ask("GET", "/v1/part-time-timetables", headers=bearer(schools=[OTHER]))
    assert answer["items"] == []
    path = f"/v1/schools/{URN}/part-time-timetables/{child}"
    await school.ask("PUT", path, 404, headers=bearer(schools=[OTHER]), json={"plans": []})


async def test_a_social_worker_is_known_to_who_may_see_the_child_and_told_to_no_topic(school: Authority) -> None:
    await school.school(OTHER)
    child = await child_of(school)
    before = len(await school.changes())
    path = f"/v1/pupils/{child}/social-workers"
    earlier = {**WORKER, "name": "B. Field", "from": "2024-09-01", "to": "2025-08-31"}
    await school.ask("PUT", path, json={"social_workers": [WORKER, earlier]})
    answer = await school.ask("GET", path)
    assert answer == {"pupil_id": child, "social_workers": [earlier, WORKER]}
    assert len(await school.changes()) == before
    await school.ask("GET", path, 404, headers=bearer(schools=[OTHER]))
    await school.ask("PUT", path, 404, headers=bearer(schools=[OTHER]), json={"social_workers": []})
    await school.ask("PUT", path, 422, json={"social_workers": [{**WORKER, "to": "2025-08-01"}]})
    await school.ask("PUT", path, json={"social_workers": []})
    assert (await school.ask("GET", path))["social_workers"] == []


async def siblings(school: Authority, child: str, **more: Any) -> dict[str, list[str]]:
    answer = await school.ask("GET", f"/v1/pupils/{child}/siblings", **more)
    return {one["pupil_id"]: one["because"] for one in answer["siblings"]}


async def test_children_who_share_a_household_are_siblings_however_two_schools_write_the_address(
    school: Authority,
) -> None:
    await school.school(OTHER)
    first = await child_of(school, "1", contacts=[contact("c1")])
    elsewhere = {"lines": ["1, HIGH STREET"], "postcode": "b11aa"}
    second = await child_of(school, "2", urn=OTHER, contacts=[contact("c9", address=elsewhere)])
    away = await child_of(school, "3", contacts=[contact("c1", lives_with_pupil=False)])
    homeless = await child_of(school, "4", contacts=[contact("c1", no_fixed_abode=True)])
    gone = await child_of(school, "5", contacts=[contact("c1", to="2025-09-14")])
    assert await siblings(school, first) == {second: ["same-household"]}
    assert await siblings(school, second) == {first: ["same-household"]}
    for alone in (away, homeless, gone):
        assert await siblings(school, alone) == {}
    (home,) = (await school.ask("GET", f"/v1/pupils/{first}/siblings"))["households"]
    assert home["pupil_ids"] == sorted([first, second])


async def test_a_sibling_at_a_school_that_the_caller_may_not_see_is_not_shown(school: Authority) -> None:
    await school.school(OTHER)
    first = await child_of(school, "1", contacts=[contact("c1")])
    second = await child_of(school, "2", urn=OTHER, contacts=[contact("c1")])
    await school.ask("PUT", f"/v1/pupils/{first}/siblings", json={"siblings": [second]})
    only = bearer(schools=[URN])
    assert await siblings(school, first, headers=only) == {}
    answer = await school.ask("PUT", f"/v1/pupils/{first}/siblings", 422, headers=only, json={"siblings": [second]})
    assert answer["errors"][0]["code"] == "unknown-pupil"
    await school.ask("PUT", f"/v1/pupils/{first}/siblings", headers=only, json={"siblings": []})
    assert await siblings(school, first) == {second: ["same-household", "said"]}


async def test_siblings_are_said_and_unsaid(school: Authority) -> None:
    first, second, third = [await child_of(school, str(n), contacts=[contact("c1")] if n < 2 else []) for n in range(3)]
    path = f"/v1/pupils/{first}/siblings"
    await school.ask("PUT", path, json={"siblings": [third], "not_siblings": [second]})
    assert await siblings(school, first) == {third: ["said"]}
    assert await siblings(school, third) == {first: ["said"]}
    assert await siblings(school, second) == {}
    await school.ask("PUT", path, json={"siblings": []})
    assert await siblings(school, first) == {second: ["same-household"]}
    await school.ask("PUT", path, 422, json={"siblings": [first]})
    await school.ask("PUT", path, 422, json={"siblings": [third], "not_siblings": [third]})


async def test_after_a_merge_what_was_said_of_either_id_is_said_of_the_child_until_a_split(school: Authority) -> None:
    living, dead, other = [await child_of(school, str(n)) for n in range(3)]
    await school.ask("PUT", f"/v1/pupils/{dead}/siblings", json={"siblings": [other]})
    await school.ask("PUT", f"/v1/pupils/{dead}/social-workers", json={"social_workers": [WORKER]})
    await put_plans(school, dead, PLAN)
    said = {"reason": "one child", "by": "J. Field"}
    await school.ask("POST", f"/v1/pupils/{dead}/merge", json={"into": living, **said})
    assert await siblings(school, living) == {other: ["said"]}
    assert await siblings(school, other) == {living: ["said"]}
    assert await plans(school) == [(living, "2025-09-08", True)]
    workers = await school.ask("GET", f"/v1/pupils/{living}/social-workers")
    assert workers["social_workers"] == [WORKER]
    for page in ("siblings", "social-workers", "flags"):
        moved = await school.client.get(f"/v1/pupils/{dead}/{page}")
        assert (moved.status_code, moved.headers["location"]) == (308, f"/v1/pupils/{living}/{page}")
    moved = await school.client.put(f"/v1/schools/{URN}/part-time-timetables/{dead}", json={"plans": []})
    assert moved.status_code == 308
    await school.ask("POST", f"/v1/pupils/{living}/split", json={"restore": dead, **said})
    assert await siblings(school, other) == {dead: ["said"]}
    assert await plans(school) == [(dead, "2025-09-08", True)]


async def test_households_of_contacts_that_were_there_before_are_found_alike(database: Database) -> None:
    written = [
        {"lines": ["1 High Street", "Birmingham"], "postcode": "B1 1AA"}, {"lines": [], "postcode": None},
        {"lines": ["Flat 2/3, Straße 9"], "postcode": None}, {"lines": ["É", "–"], "postcode": " "},
    ]  # fmt: skip
    expected = [household_at(msgspec.convert(address, Address)) for address in written]
    assert [home is not None for home in expected] == [True, False, True, False]
    async with database.transaction() as tx:
        await tx.execute(
            "create temporary table contact on commit drop as"
            " select a.n as contact_id, a.address, true as lives_with_pupil, null::uuid as household"
            " from unnest($1::jsonb[]) with ordinality as a(address, n)",
            [json.dumps(address) for address in written],
        )
        await tx.execute(import_module("registers.store.versions.0007_people").HOUSEHOLDS)
        found = await tx.fetch("select replace(household::text, '-', '') from contact order by contact_id")
    assert [row[0] for row in found] == expected
    home_of = import_module("registers.store.versions.0018_sealed_people").home_of
    assert [home_of(address) for address in written if household_at(msgspec.convert(address, Address))] == [
        home for home in expected if home is not None
    ]
