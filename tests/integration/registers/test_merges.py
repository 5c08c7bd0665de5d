"""Two ids, one child: what a UPN that arrives late changes, at every school that knows either of them."""

from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

UPN, TEMPORARY = "H869200124007", "R33012342500A"
THIRD = 100003


async def pair(authority: Authority) -> tuple[str, str]:
    """The holder of a UPN at one school, and a child without one at another."""
    await authority.school()
    await authority.school(OTHER)
    holder = (await authority.roll(pupil("1", upn=UPN)))["results"][0]["pupil_id"]
    unnamed = (await authority.roll(pupil("x1"), urn=OTHER))["results"][0]["pupil_id"]
    return holder, unnamed


async def test_the_holder_survives_and_the_dead_id_moves(authority: Authority) -> None:
    holder, dead = await pair(authority)
    await authority.mark("1", "/", "2025-09-12/AM")
    await authority.mark("x1", "O", "2025-09-12/PM", OTHER)
    before = len(await authority.changes(OTHER))
    answer = await authority.roll(pupil("x1", upn=UPN), urn=OTHER)
    assert (answer["results"][0]["pupil_id"], answer["results"][0]["status"]) == (holder, "updated")
    merged, enrolled = await authority.changes(OTHER, before)
    assert merged["data"]["pupil_id"] == dead
    assert merged["data"]["survivor"] == holder
    stays = {told["pupil_id"]: len(told["enrolments"]) for told in enrolled["data"]["pupils"]}
    assert stays == {dead: 0, holder: 1}
    for path in ("marks?from=2025-09-01&page_size=5", "contacts"):
        moved = await authority.client.get(f"/v1/pupils/{dead}/{path}")
        assert moved.status_code == 308
        assert moved.headers["location"] == f"/v1/pupils/{holder}/{path}"
    marks = (await authority.ask("GET", f"/v1/pupils/{holder}/marks"))["items"]
    assert [(mark["school_urn"], mark["code"]) for mark in marks] == [(URN, "/"), (OTHER, "O")]
    assert await authority.standing("2025-09-12/PM", OTHER) == {"x1": "O"}


async def test_a_dead_id_in_a_body_or_a_deletion_means_the_survivor(authority: Authority) -> None:
    holder, dead = await pair(authority)
    await authority.roll(pupil("x1", upn=UPN), urn=OTHER)
    answer = await authority.register([{"pupil_id": dead, "code": "/"}], urn=OTHER)
    assert answer["marks"][0]["pupil_id"] == holder
    assert (await authority.delete(dead, urn=OTHER))["pupil_id"] == holder
    both = [{"pupil_id": dead, "code": "/"}, {"pupil_id": holder, "code": "O"}]
    await authority.ask("PUT", f"/v1/schools/{OTHER}/registers/2025-09-15/AM", 422, json={"marks": both})


async def test_a_temporary_upn_gives_way_to_the_holder(authority: Authority) -> None:
    holder, _ = await pair(authority)
    await authority.roll(pupil("x2", upn=TEMPORARY), urn=OTHER)
    answer = await authority.roll(pupil("x2", upn=UPN), urn=OTHER)
    assert (answer["results"][0]["status"], answer["results"][0]["pupil_id"]) == ("updated", holder)
    again = await authority.roll(pupil("x3", upn=TEMPORARY), urn=OTHER)
    assert again["results"][0]["status"] == "created"


async def test_marks_of_both_ids_in_one_session_become_one_slot(authority: Authority) -> None:
    await authority.school()
    rows = (await authority.roll(pupil("1", upn=UPN), pupil("2")))["results"]
    holder, dead = (row["pupil_id"] for row in rows)
    await authority.mark("1", "/")
    _, before = await authority.mark("2", "O")
    await authority.mark("2", "M", "2025-09-12/AM")
    await authority.roll(pupil("2", upn=UPN))
    said = [entry["data"]["marks"] for entry in await authority.changes(since=before) if "marks" in entry["data"]]
    assert said[-1] == [{"pupil_id": holder, "code": None}]  # the dead id's mark came later, and stands
    (current,) = (await authority.ask("GET", f"/v1/schools/{URN}/registers/2025-09-15/AM"))["marks"]
    assert (current["pupil_id"], current["code"]) == (holder, "O")
    assert (await authority.mark("1", "I"))[0] == "corrected"
    (entry,) = (await authority.changes())[-1:]
    assert entry["data"]["marks"] == [{"pupil_id": dead, "code": None}, {"pupil_id": holder, "code": "I"}]


async def test_overlapping_enrolments_of_both_ids_become_one(authority: Authority) -> None:
    holder, _ = await pair(authority)
    await authority.school(THIRD)
    first = {"from": "2025-09-03", "to": "2025-09-10", "kind": "main"}
    second = {"from": "2025-09-08", "to": None, "kind": "single"}
    await authority.roll(pupil("t1", upn=UPN, enrolment=first), pupil("t2", enrolment=second), urn=THIRD)
    await authority.mark("t2", "O", "2025-09-04/AM", THIRD)
    await authority.mark("t1", "/", "2025-09-12/AM", THIRD)
    # the same local id at another school is another child: only the roll of THIRD can say that t2 is the holder
    await authority.roll(pupil("t2", upn=UPN, enrolment={"from": "2025-09-03", "to": None, "kind": "main"}), urn=THIRD)
    (row,) = (await authority.ask("GET", f"/v1/schools/{THIRD}/roll"))["items"]
    assert (row["pupil_id"], row["local_ids"]) == (holder, ["t1", "t2"])
    assert [(e["from"], e["to"], e["kind"]) for e in row["enrolments"]] == [("2025-09-03", None, "main")]
    assert await authority.quarantine(THIRD) == []
    assert await authority.standing("2025-09-04/AM", THIRD) == {"t1": "O"}


async def test_contacts_move_to_the_survivor_with_their_ids(authority: Authority) -> None:
    holder, _ = await pair(authority)
    contact = {"local_id": "c", "name": "Robin"}
    unnamed = await authority.roll(pupil("x1", contacts=[contact]), urn=OTHER)
    await authority.roll(pupil("1", upn=UPN, contacts=[contact]))
    merged = await authority.roll(pupil("x1", upn=UPN, contacts=[contact]), urn=OTHER)
    assert merged["results"][0]["contacts"] == unnamed["results"][0]["contacts"]
    told = await authority.ask("GET", f"/v1/pupils/{holder}/contacts")
    assert [c["school_urn"] for c in told["contacts"]] == [URN, OTHER]


async def test_marks_that_wait_for_the_survivors_keys_are_found_at_every_school(authority: Authority) -> None:
    holder, _ = await pair(authority)
    await authority.register([{"upn": UPN, "code": "O"}], "2025-09-12/AM", OTHER)
    await authority.register([{"pupil_id": holder, "code": "M"}], "2025-09-12/PM", OTHER)
    await authority.roll(pupil("x1", upn=UPN), urn=OTHER)
    assert await authority.standing("2025-09-12/AM", OTHER) == {"x1": "O"}
    assert await authority.standing("2025-09-12/PM", OTHER) == {"x1": "M"}


async def test_a_mark_that_waits_for_the_dead_id_is_found_where_only_the_survivor_is_known(
    authority: Authority,
) -> None:
    _, dead = await pair(authority)
    await authority.register([{"pupil_id": dead, "code": "O"}])
    assert await authority.quarantine() == [("O", "unknown-pupil")]
    await authority.roll(pupil("x1", upn=UPN), urn=OTHER)
    assert await authority.standing() == {"1": "O"}
    assert await authority.quarantine() == []


async def test_a_changed_upn_is_heard_at_the_childs_other_schools(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(pupil("1", upn=TEMPORARY))
    await authority.roll(pupil("x1", upn=TEMPORARY), urn=OTHER)
    await authority.register([{"upn": UPN, "code": "O"}])
    assert await authority.quarantine() == [("O", "unknown-pupil")]
    await authority.roll(pupil("x1", upn=UPN), urn=OTHER)
    assert await authority.standing() == {"1": "O"}


async def test_a_survivor_that_dies_itself_takes_the_dead_along(authority: Authority) -> None:
    await authority.school()
    await authority.school(OTHER)
    await authority.school(THIRD)
    first = (await authority.roll(pupil("a")))["results"][0]["pupil_id"]
    second = (await authority.roll(pupil("b", upn=TEMPORARY), urn=OTHER))["results"][0]["pupil_id"]
    holder = (await authority.roll(pupil("c", upn=UPN), urn=THIRD))["results"][0]["pupil_id"]
    await authority.mark("a", "O")
    assert (await authority.roll(pupil("a", upn=TEMPORARY)))["results"][0]["pupil_id"] == second
    assert (await authority.roll(pupil("b", upn=UPN), urn=OTHER))["results"][0]["pupil_id"] == holder
    for dead in (first, second):
        moved = await authority.client.get(f"/v1/pupils/{dead}/marks")
        assert moved.headers["location"] == f"/v1/pupils/{holder}/marks"
    assert await authority.standing() == {"a": "O"}
    assert (await authority.mark("a", "M"))[0] == "corrected"


async def test_a_merge_begins_again_with_every_school_locked(authority: Authority) -> None:
    """A merge told at a school concerns another one: the write is done with both rows locked, and both ledgers grow."""
    await pair(authority)
    await authority.roll(pupil("x1"), pupil("x2", upn=TEMPORARY), urn=OTHER)
    await authority.roll(pupil("y", upn=TEMPORARY))
    before = len(await authority.changes())
    await authority.roll(pupil("x2", upn=UPN), urn=OTHER)
    (enrolled,) = await authority.changes(since=before)
    assert enrolled["type"].endswith("enrolment-changed.v1")
