"""Schools that open, close, convert and move to another authority, and pupils who are guests or leave."""

from datetime import date
from typing import Any

import pytest

from tests.integration.registers.conftest import OTHER, URN, Authority, bearer, pupil

SCHOOL = {"name": "Elm Primary", "la_code": "330", "laestab": "3302001", "phase": "primary"}
PATH = f"/v1/schools/{URN}"
THIRD = 100003
UPN, SECOND_UPN, TEMPORARY = "H869200124007", "F330123425001", "R33012342500A"


@pytest.fixture
async def school(authority: Authority) -> Authority:
    await authority.school()
    return authority


async def put(school: Authority, status: int = 200, urn: int = URN, **facts: Any) -> Any:
    return await school.ask("PUT", f"/v1/schools/{urn}", status, json=SCHOOL | facts)


async def stays(school: Authority, urn: int = URN) -> list[list[dict[str, Any]]]:
    answer = await school.ask("GET", f"/v1/schools/{urn}/roll")
    return [item["enrolments"] for item in answer["items"]]


async def convert(school: Authority, on: str = "2025-09-08", status: int = 200, **more: Any) -> Any:
    return await school.ask("POST", f"{PATH}/conversion", status, json={"successor_urn": OTHER, "on": on} | more)


def stay(first: str = "2025-09-01", to: str | None = None, **more: Any) -> dict[str, Any]:
    return {"from": first, "to": to, "kind": "single"} | more


async def test_facts_that_are_left_out_stay_and_null_takes_them_back(school: Authority) -> None:
    await put(school, opened_on="2012-09-01", predecessor_urn=100009)
    told = await put(school, name="Elm Academy")
    assert (told["opened_on"], told["predecessor_urn"], told["name"]) == ("2012-09-01", 100009, "Elm Academy")
    assert "opened_on" not in await put(school, opened_on=None)


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"opened_on": "2025-09-02", "closed_on": "2025-09-01"}, "/closed_on"),
        ({"successor_urn": URN}, "/successor_urn"),
        ({"opened_on": "0001-01-01"}, "/opened_on"),
        ({"closed_on": "9999-12-31"}, "/closed_on"),
        ({"la_from": "0001-01-01"}, "/la_from"),
    ],
)
async def test_a_school_that_can_not_be_is_refused(school: Authority, facts: dict[str, Any], pointer: str) -> None:
    assert (await put(school, 422, **facts))["errors"][0]["pointer"] == pointer


async def test_a_school_that_closes_ends_its_stays_and_sets_later_marks_aside(school: Authority) -> None:
    await school.roll(pupil("1"), pupil("2", enrolment=stay("2025-09-01", "2025-09-03")))
    await school.mark("1", "/", "2025-09-05/AM")
    await school.mark("1", "/", "2025-09-08/AM")
    await put(school, closed_on="2025-09-05")
    told = sorted(await stays(school), key=str)
    assert told == [[stay("2025-09-01", "2025-09-03")], [stay("2025-09-01", "2025-09-05", leaving_reason="closed")]]
    assert await school.standing("2025-09-05/AM") == {"1": "/"}
    assert await school.quarantine() == [("/", "closed-session")]
    assert (await school.mark("1", "O", "2025-09-09/AM"))[0] == "quarantined"


async def test_a_closure_that_is_taken_back_lets_stays_and_marks_go_on(school: Authority) -> None:
    await school.roll(pupil("1"))
    await school.mark("1", "/", "2025-09-08/AM")
    await put(school, closed_on="2025-09-05")
    await put(school, closed_on=None)
    assert await stays(school) == [[stay()]]
    assert (await school.standing("2025-09-08/AM"), await school.quarantine()) == ({"1": "/"}, [])


@pytest.mark.parametrize("first_known", ["the stay", "the closure"])
async def test_a_closure_that_is_taken_back_leaves_the_end_that_was_said(school: Authority, first_known: str) -> None:
    left = stay("2025-09-01", "2025-09-10", leaving_reason="transferred", destination="Oak School")
    if first_known == "the stay":
        await school.roll(pupil("1", enrolment=left))
    await put(school, closed_on="2025-09-07")
    if first_known == "the closure":
        await school.roll(pupil("1", enrolment=left))
    assert await stays(school) == [[stay("2025-09-01", "2025-09-07", leaving_reason="closed")]]
    await put(school, closed_on="2025-09-05")
    await put(school, closed_on=None)
    assert await stays(school) == [[left]]
    await put(school, closed_on="2025-09-10")
    assert await stays(school) == [[left]]


async def test_a_stay_that_was_to_end_ends_at_the_successor_too(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1", enrolment=stay("2025-09-01", "2025-09-10")))
    await put(school, closed_on="2025-09-07")
    await convert(school)
    assert await stays(school, OTHER) == [[stay("2025-09-08", "2025-09-10")]]


async def test_a_day_before_the_school_opened_is_closed(school: Authority) -> None:
    await school.roll(pupil("1"))
    await school.mark("1", "/", "2025-09-02/AM")
    await put(school, opened_on="2025-09-03")
    assert await school.quarantine() == [("/", "closed-session")]
    await put(school, opened_on="2025-09-02")
    assert await school.quarantine() == []


@pytest.mark.timeout(30)
@pytest.mark.parametrize("day", [date.min, date.max])
async def test_a_mark_of_an_endless_day_does_not_keep_a_school_from_opening(school: Authority, day: date) -> None:
    """Once, such marks were taken, and they are still kept."""
    await school.roll(pupil("1"))
    await school.mark("1", "/", "2025-09-13/AM")
    await school.mark("1", "/", "2025-09-02/AM")
    async with school.database.transaction() as tx:
        await tx.execute("update mark set date = $1 where problem is not null", day)
    await put(school, opened_on="2025-09-03")
    assert await school.standing("2025-09-02/AM") == {}
    assert len(await school.quarantine()) == 2


async def test_a_closed_schools_roll_keeps_nobody_beyond_its_last_day(school: Authority) -> None:
    await put(school, closed_on="2025-09-05")
    answer = await school.roll(pupil("1"), pupil("2", enrolment=stay("2025-09-08")))
    assert [row["status"] for row in answer["results"]] == ["created", "rejected"]
    problem = answer["results"][1]["problem"]
    assert (problem["code"], problem["pointer"]) == ("school-closed", "/pupils/1/enrolment/from")
    assert await stays(school) == [[stay("2025-09-01", "2025-09-05", leaving_reason="closed")]]


async def test_a_row_that_comes_after_a_conversion_changes_no_upn(school: Authority) -> None:
    """The old system's feed goes on: what it says of the child from then on is the successor's to say."""
    await school.school(OTHER)
    child = (await school.roll(pupil("1", upn=TEMPORARY)))["results"][0]["pupil_id"]
    await convert(school)
    answer = await school.roll(pupil("1", upn=UPN, enrolment=stay("2025-09-08")))
    assert answer["results"][0]["problem"]["code"] == "school-closed"
    told = await school.ask("GET", f"/v1/pupils/{child}")
    assert (told["upn"], [one["upn"] for one in told["upns"]]) == (TEMPORARY, [TEMPORARY])
    assert (await school.register([{"upn": TEMPORARY, "code": "/"}], urn=OTHER))["marks"][0]["pupil_id"] == child
    assert (await school.roll(pupil("1", upn=UPN), urn=OTHER))["results"][0]["pupil_id"] == child


async def test_a_new_child_that_is_rejected_takes_no_upn_from_another(school: Authority) -> None:
    await school.school(OTHER)
    child = (await school.roll(pupil("1", upn=UPN), urn=OTHER))["results"][0]["pupil_id"]
    await school.roll(pupil("1", upn=SECOND_UPN), urn=OTHER)
    await put(school, closed_on="2025-09-05")
    answer = await school.roll(pupil("2", upn=UPN, enrolment=stay("2025-09-08")))
    assert (answer["results"][0]["status"], answer["results"][0]["pupil_id"]) == ("rejected", None)
    assert (await school.ask("POST", "/v1/pupils/lookup", json={"upn": UPN}))["pupil_id"] == child


async def test_a_rejected_row_makes_no_two_children_one(school: Authority) -> None:
    await school.school(OTHER)
    one = (await school.roll(pupil("1")))["results"][0]["pupil_id"]
    other = (await school.roll(pupil("x", upn=UPN), urn=OTHER))["results"][0]["pupil_id"]
    await put(school, closed_on="2025-09-05")
    answer = await school.roll(pupil("1", upn=UPN, enrolment=stay("2025-09-08")))
    assert answer["results"][0]["problem"]["code"] == "school-closed"
    assert [(await school.ask("GET", f"/v1/pupils/{child}"))["pupil_id"] for child in (one, other)] == [one, other]


async def test_a_school_moves_to_another_authority_and_keeps_its_history(school: Authority) -> None:
    moved = await put(school, la_code="333", la_from="2025-11-01")
    history = [{"la_code": "330", "from": None}, {"la_code": "333", "from": "2025-11-01"}]
    assert (moved["la_code"], moved["la_history"]) == ("333", history)
    assert (await put(school, la_code="333", la_from="2025-11-01"))["sequence"] == moved["sequence"]
    assert (await put(school, la_code="333"))["la_history"] == history
    entry = [entry for entry in await school.changes() if "school-changed" in entry["type"]][-1]
    assert entry["data"]["la_history"] == history
    assert "la_history" not in await put(school, la_code="330", la_from="2025-11-01")


async def test_a_conversion_takes_everybody_to_the_successor(school: Authority) -> None:
    await school.school(OTHER)
    contact = {"local_id": "c", "name": "Robin", "parental_responsibility": True}
    answer = await school.roll(
        pupil("1", contacts=[contact]), pupil("2", enrolment=stay("2025-09-01", "2025-09-03")),
        pupil("3", enrolment=stay("2025-09-15", None, kind="main")),
    )  # fmt: skip
    one, _, three = (row["pupil_id"] for row in answer["results"])
    await school.mark("1", "/", "2025-09-05/AM")
    await school.mark("1", "O", "2025-09-08/AM")
    await school.mark("1", "/", "2025-09-08/AM", OTHER)
    done = await convert(school)
    assert done["pupils"] == 2
    told = await school.ask("GET", f"/v1/schools/{OTHER}/roll")
    assert {item["pupil_id"]: (item["local_ids"], item["enrolments"]) for item in told["items"]} == {
        one: (["1"], [stay("2025-09-08")]), three: (["3"], [stay("2025-09-15", kind="main")]),
    }  # fmt: skip
    old, new = await school.ask("GET", PATH), await school.ask("GET", f"/v1/schools/{OTHER}")
    assert (old["closed_on"], old["successor_urn"]) == ("2025-09-07", OTHER)
    assert (new["opened_on"], new["predecessor_urn"]) == ("2025-09-08", URN)
    assert await school.standing("2025-09-05/AM") == {"1": "/"}
    assert await school.standing("2025-09-08/AM", OTHER) == {"1": "/"}
    contacts = (await school.ask("GET", f"/v1/pupils/{one}/contacts"))["contacts"]
    assert [(found["school_urn"], found["contact_id"]) for found in contacts] == [
        (OTHER, answer["results"][0]["contacts"][0]["contact_id"])
    ]
    assert (await convert(school)) == done | {"pupils": 0}


async def test_what_is_sent_to_a_converted_school_names_its_successor(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await convert(school)
    answer = await school.register([{"local_id": "1", "code": "/"}], "2025-09-09/AM")
    problem = answer["marks"][0]["problem"]
    assert (problem["code"], str(OTHER) in problem["detail"]) == ("closed-session", True)
    (waiting,) = (await school.ask("GET", f"{PATH}/quarantine"))["items"]
    assert (waiting["mend"]["action"], str(OTHER) in waiting["mend"]["detail"]) == ("send-to-successor", True)
    assert "with its `source_version`" in waiting["mend"]["detail"]
    await school.delete(waiting["pupil_id"], "2025-09-09/AM", source_version=0)
    await school.mark("nobody", "/", "2025-09-09/AM")
    (waiting,) = (await school.ask("GET", f"{PATH}/quarantine"))["items"]
    assert (waiting["problem"]["code"], waiting["mend"]["action"]) == ("unknown-pupil", "send-to-successor")
    assert "source_version" not in waiting["mend"]["detail"]
    contact = {"local_id": "c", "name": "Somebody", "parental_responsibility": True}
    await school.roll(pupil("1", contacts=[contact]))
    child = answer["marks"][0]["pupil_id"]
    assert (await school.ask("GET", f"/v1/pupils/{child}/contacts"))["contacts"] == []


async def test_a_closure_may_turn_out_to_be_a_conversion(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await put(school, closed_on="2025-09-07")
    assert (await convert(school))["pupils"] == 1
    assert await stays(school) == [[stay("2025-09-01", "2025-09-07", leaving_reason="converted")]]
    assert await stays(school, OTHER) == [[stay("2025-09-08")]]


@pytest.mark.parametrize("facts", [{"successor_urn": OTHER}, {"successor_urn": OTHER, "closed_on": "2025-09-07"}])
async def test_a_conversion_takes_everybody_though_its_facts_were_told_before(
    school: Authority, facts: dict[str, Any]
) -> None:
    """A register of schools knows who follows whom; that moves nobody."""
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await put(school, **facts)
    assert await stays(school, OTHER) == []
    assert (await convert(school))["pupils"] == 1
    assert await stays(school) == [[stay("2025-09-01", "2025-09-07", leaving_reason="converted")]]
    assert await stays(school, OTHER) == [[stay("2025-09-08")]]
    assert (await convert(school))["pupils"] == 0


async def test_a_conversion_that_was_taken_back_may_be_told_again(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await convert(school)
    await put(school, closed_on=None, successor_urn=None)
    await school.roll(pupil("2"))
    await convert(school)
    assert await stays(school, OTHER) == [[stay("2025-09-08")]] * 2
    told = await school.ask("GET", PATH)
    assert (told["closed_on"], "converted" in told) == ("2025-09-07", False)


async def test_a_conversion_that_can_not_be_changes_nothing(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await school.roll(pupil("1", given_name="Other"), urn=OTHER)
    assert (await convert(school, status=409))["detail"].endswith(": 1.")
    assert (await convert(school, "2025-09-16", 422))["errors"][0]["code"] == "future-date"
    await convert(school, "0001-01-01", 422)
    await convert(school, status=422, successor_urn=URN)
    await convert(school, status=404, successor_urn=999)
    narrow = bearer(schools=[URN])
    await school.ask(
        "POST", f"{PATH}/conversion", 404, json={"successor_urn": OTHER, "on": "2025-09-08"}, headers=narrow
    )
    await put(school, closed_on="2025-09-01")
    await convert(school, status=409)
    assert "successor_urn" not in await school.ask("GET", PATH)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"closed_on": "2025-09-07"}, "closed on 2025-09-07"),
        ({"closed_on": "2025-09-12", "successor_urn": THIRD}, f"its successor is {THIRD}"),
        ({"opened_on": "2025-09-09"}, "opens on 2025-09-09"),
        ({"successor_urn": URN}, "successor of the other"),
    ],
)
async def test_nobody_is_taken_over_by_a_school_that_is_not_there(
    school: Authority, facts: dict[str, Any], says: str
) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await put(school, urn=OTHER, **facts)
    assert says in (await convert(school, status=409))["detail"]
    assert (await stays(school), await stays(school, OTHER)) == ([[stay()]], [])


async def test_a_conversion_does_not_go_back(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"))
    await convert(school)
    back = {"successor_urn": URN, "on": "2025-09-10"}
    await school.ask("POST", f"/v1/schools/{OTHER}/conversion", 409, json=back)
    assert await stays(school, OTHER) == [[stay("2025-09-08")]]
    assert (await convert(school))["pupils"] == 0


@pytest.mark.parametrize("opened_on", ["2025-09-08", "2025-09-10"])
async def test_a_school_does_not_convert_before_it_was_open(school: Authority, opened_on: str) -> None:
    await school.school(OTHER)
    await put(school, opened_on=opened_on)
    (error,) = (await convert(school, status=422))["errors"]
    assert (error["pointer"], error["code"]) == ("/on", "closes-before-it-opens")
    assert "closed_on" not in await school.ask("GET", PATH)


async def test_who_is_taken_over_stays_no_longer_than_the_successor_is_open(school: Authority) -> None:
    await school.school(OTHER)
    await school.roll(pupil("1"), pupil("2", enrolment=stay("2025-09-15")))
    await put(school, urn=OTHER, closed_on="2025-09-12")
    await convert(school)
    told = sorted(await stays(school, OTHER), key=len)
    assert told == [[], [stay("2025-09-08", "2025-09-12", leaving_reason="closed")]]


async def test_stays_that_overlap_are_one_at_the_successor(school: Authority) -> None:
    """Once, a closure that was taken back could leave such stays, and they are still kept."""
    await school.school(OTHER)
    await school.roll(pupil("1", enrolment=stay("2025-09-03")))
    async with school.database.transaction() as tx:
        await tx.execute(
            "insert into enrolment (urn, pupil_id, from_date, kind) select urn, pupil_id, $1, kind from enrolment",
            date(2025, 9, 1),
        )
    await convert(school)
    assert await stays(school, OTHER) == [[stay("2025-09-08")]]


async def test_a_guest_lives_elsewhere_and_a_leaver_has_a_reason(school: Authority) -> None:
    first = stay(kind="guest")
    await school.roll(pupil("1", home_la="333", enrolment=first))
    assert await stays(school) == [[first | {"home_la": "333"}]]
    left = stay("2025-09-01", "2025-09-12", kind="guest", leaving_reason="guest_ended", destination="Oak School")
    await school.roll(pupil("1", enrolment=left))
    assert await stays(school) == [[left | {"home_la": "333"}]]
    (entry,) = [entry for entry in await school.changes() if "enrolment-changed" in entry["type"]][1:]
    told = entry["data"]["pupils"][0]["enrolments"]
    assert told == [{key: value for key, value in left.items() if key != "destination"} | {"home_la": "333"}]
    again = stay("2025-09-15")
    await school.roll(pupil("1", enrolment=again))
    assert await stays(school) == [[left | {"home_la": "333"}, again]]


@pytest.mark.parametrize(
    ("enrolment", "code"),
    [
        (stay(leaving_reason="transferred"), "leaving-without-end"),
        (stay(to="2025-09-12", leaving_reason="bored"), "unknown-leaving-reason"),
    ],
)
async def test_a_reason_that_is_none_rejects_its_row_alone(
    school: Authority, enrolment: dict[str, Any], code: str
) -> None:
    (row,) = (await school.roll(pupil("1", enrolment=enrolment)))["results"]
    assert (row["problem"]["code"], row["problem"]["pointer"]) == (code, "/pupils/0/enrolment/leaving_reason")


async def test_the_reasons_for_leaving_are_listed(school: Authority) -> None:
    reasons = (await school.ask("GET", "/v1/reference/leaving-reasons"))["items"]
    assert {"continuous_absence": "6.5(i)", "home_educated": "6.9"}.items() <= {
        reason["code"]: reason["rule"] for reason in reasons
    }.items()


async def test_a_school_says_who_runs_it_and_where_it_lies(school: Authority) -> None:
    told = await put(school, trust="T-07", locality="North")
    assert (told["trust"], told["locality"]) == ("T-07", "North")
    assert (await put(school, name="Elm Academy"))["locality"] == "North"
    assert "trust" not in await put(school, name="Elm Academy", trust=None)
    said = [e["data"]["trust"] for e in await school.changes() if e["type"].endswith("school-changed.v1")]
    assert said == [None, "T-07", "T-07", None]
    assert (await put(school, 422, locality=" "))["errors"][0]["pointer"] == "/locality"


async def test_a_class_stays_until_another_is_said(school: Authority) -> None:
    await school.roll(pupil("1", enrolment=stay(registration_group="7B")))
    await school.roll(pupil("1", enrolment=stay()))
    assert await stays(school) == [[stay(registration_group="7B")]]
    await school.roll(pupil("1", enrolment=stay(registration_group="7C")))
    assert await stays(school) == [[stay(registration_group="7C")]]
    told = [e["data"]["pupils"][0]["enrolments"] for e in await school.changes() if "enrolment" in e["type"]]
    assert told == [[stay(registration_group="7B")], [stay(registration_group="7C")]]
    await put(school, closed_on="2025-09-10")
    assert (await stays(school))[0][0]["registration_group"] == "7C"
    await put(school, closed_on=None)
    assert await stays(school) == [[stay(registration_group="7C")]]
    long = await school.roll(pupil("2", enrolment=stay(registration_group="x" * 21)))
    assert long["results"][0]["status"] == "rejected"


async def test_a_year_group_is_told_with_the_year_in_which_it_was_said(school: Authority) -> None:
    await school.roll(pupil("1", year_group=6))
    await school.roll(pupil("1", year_group=6))
    (entry,) = [e for e in await school.changes() if e["type"].endswith("pupil-changed.v1")]
    told = entry["data"]["pupils"][0]
    assert (told["year_group"], told["year_group_in"]) == (6, "2025-26")
