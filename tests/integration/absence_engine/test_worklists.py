"""Lists for officers: open episodes by kind, and who is on the way to persistent absence."""

from common.web.lists import encode_cursor

from tests.integration.absence_engine.ledgers import Engine, enrolled, merged, pupil
from tests.integration.absence_engine.test_answers import OTHER, URN, Asker, asker, bearer, play, school

__all__ = ["asker"]

# Absences of each child among 40 sessions: a tenth is 4.
ABSENT = {pupil(1): 1, pupil(2): 2, pupil(3): 3, pupil(4): 4, pupil(5): 20, pupil(6): 7}


async def counted(engine: Engine) -> None:
    one, other = school(URN, *ABSENT), school(OTHER, pupil(9), la_code="330")
    for n, (pupil_id, absent) in enumerate(ABSENT.items()):
        play(one, pupil_id, "/" * (30 - n) + "I" * absent + "/" * (10 + n - absent))
    play(other, pupil(9), "I" * 20 + "/" * 20)
    await engine.take(one.entries)
    await engine.take(other.entries)


async def test_an_authority_sees_its_open_episodes_the_latest_first(engine: Engine, asker: Asker) -> None:
    await counted(engine)
    whole = await asker.get("/v1/areas/330/worklist", kind="PA")
    crossed = [(item["crossed_on"]["date"], item["crossed_on"]["session"]) for item in whole["items"]]
    assert crossed == sorted(crossed, reverse=True)
    assert {item["pupil_id"] for item in whole["items"]} == {pupil(n) for n in (4, 5, 6, 9)}
    found, page = [], await asker.get("/v1/areas/330/worklist", kind="PA", page_size=1)
    while page["next"] is not None:
        found += page["items"]
        page = await asker.get(page["next"])
    assert found + page["items"] == whole["items"]
    item = next(item for item in whole["items"] if item["pupil_id"] == pupil(4))
    standing = item["standing"]
    assert (standing["child"]["absent"], standing["child"]["band"]) == (4, "persistent")
    assert (standing["sessions_left"], standing["persistent"]["may_miss"]) == (46, 4)
    assert whole["freshness"]["schools"] == 2
    one, other = [(await asker.get(f"/v1/schools/{urn}/absence"))["freshness"]["schools"][0] for urn in (URN, OTHER)]
    its = {name: one["coverage"][name] + other["coverage"][name] for name in one["coverage"]}
    assert whole["coverage"] == its
    assert its["expected_sessions"] > its["registers"] > 0
    assert not (await asker.get("/v1/areas/330/worklist", kind="PA", state="reversed"))["items"]
    severe = await asker.get("/v1/areas/330/worklist", kind="SA", school_urn=OTHER)
    assert [one["pupil_id"] for one in severe["items"]] == [pupil(9)]


async def test_a_merged_child_stands_as_the_living_one_before_its_episodes_are_looked_at(
    engine: Engine, asker: Asker
) -> None:
    ledger = school(URN, pupil(1), pupil(2))
    play(ledger, pupil(1), "I" * 4 + "/" * 36)
    play(ledger, pupil(2), "/" * 39 + "I", first=40)
    await engine.take(ledger.entries)
    before = len(ledger.entries)
    ledger.write(merged(pupil(1), pupil(2), 1), enrolled(pupil(2), from_="2025-09-01"))
    await engine.take(ledger.entries[before : before + 1])
    (item,) = (await asker.get("/v1/areas/330/worklist", kind="PA"))["items"]
    child = (await asker.absence(pupil(2)))["child"]
    assert (item["standing"]["child"]["possible"], item["standing"]["child"]["absent"]) == (80, 5)
    assert (child["possible"], child["absent"]) == (80, 5)
    assert item["pupil_id"] == pupil(2)


async def test_a_school_sees_who_is_nearest_to_persistent_absence_first(engine: Engine, asker: Asker) -> None:
    await counted(engine)
    found = await asker.get(f"/v1/schools/{URN}/at-risk")
    assert [(one["pupil_id"], one["persistent"]["misses_to_reach"]) for one in found["items"]] == [
        (pupil(3), 2),
        (pupil(2), 3),
    ]
    assert found["freshness"] == (await asker.get(f"/v1/schools/{URN}/absence"))["freshness"]
    first = await asker.get(f"/v1/schools/{URN}/at-risk", page_size=1)
    second = await asker.get(first["next"])
    assert first["items"] + second["items"] == found["items"]


async def test_a_token_of_a_school_sees_its_own_work_alone(engine: Engine, asker: Asker) -> None:
    await counted(engine)
    own = bearer([OTHER])
    found = await asker.get("/v1/areas/330/worklist", headers=own, kind="PA")
    assert [item["pupil_id"] for item in found["items"]] == [pupil(9)]
    await asker.get("/v1/areas/330/worklist", 404, headers=own, school_urn=URN)
    await asker.get("/v1/areas/999/worklist", 404)
    await asker.get(f"/v1/schools/{URN}/at-risk", 404, headers=own)
    await asker.get("/v1/schools/999999/at-risk", 404)


async def test_a_cursor_that_names_no_number_is_refused(engine: Engine, asker: Asker) -> None:
    await counted(engine)
    cursor = encode_cursor({"near": [float("inf"), pupil(3)]})
    await asker.get(f"/v1/schools/{URN}/at-risk", 422, cursor=cursor)
