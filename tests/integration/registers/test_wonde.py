"""A school that is read through Wonde, from a real HTTP server that answers in the documented shape, into registers."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from common.public_api import Api
from wonde import school
from wonde.api import Patience, Wonde
from wonde.report import Report
from wonde.schedule import runs
from wonde.state import State
from wonde.visit import Link

from tests import wonde_server
from tests.integration.registers.conftest import OTHER, URN, Authority, bearer
from tests.wonde_school import SINCE, School, wonde_at
from tests.wonde_server import Fault, serving, stamp

NOW = datetime(2025, 9, 15, 9, tzinfo=UTC)
DAY = "2025-09-15"
ID, OTHER_ID = "A1", "B2"
PATIENCE = Patience(attempts=4, first=0.001, longest=0.002, jitter=0, timeout=10)


@dataclass
class Connector:
    """The connector with its file; `run` is one run of one school."""

    api: Api
    wonde: Wonde
    folder: Path
    codes: dict[str, str] = field(default_factory=dict[str, str])
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = State(self.folder / "wonde.db")

    async def run(self) -> Report:
        link = Link(ID, URN, self.codes)
        return await school.run(link, self.wonde, self.api, self.state, date.fromisoformat(SINCE))

    def saved(self) -> None:
        """Keeps a copy of the file, as it is now."""
        self.state.close()
        shutil.copytree(self.folder, self.folder.with_name("saved"))
        self.state = State(self.folder / "wonde.db")

    def crashed(self) -> None:
        """All that was noted since then is lost."""
        self.state.close()
        shutil.rmtree(self.folder)
        shutil.copytree(self.folder.with_name("saved"), self.folder)
        self.state = State(self.folder / "wonde.db")


@pytest.fixture
def there() -> Iterator[wonde_server.Wonde]:
    with serving(wonde_at(NOW)) as running:
        yield running


@pytest.fixture
def elm(there: wonde_server.Wonde) -> School:
    return School(there, ID, URN).open()


@pytest.fixture
async def connector(there: wonde_server.Wonde, authority: Authority, tmp_path: Path) -> AsyncIterator[Connector]:
    async def token() -> str:
        return bearer()["authorization"].removeprefix("Bearer ")

    folder = tmp_path / "connector"
    folder.mkdir()
    wonde = Wonde(there.url, wonde_server.TOKEN, PATIENCE)
    connector = Connector(Api(authority.client, token), wonde, folder)
    yield connector
    connector.state.close()
    await wonde.close()


@pytest.fixture
async def opened(authority: Authority) -> None:
    """The calendar comes from elsewhere: Wonde has none."""
    await authority.school()
    await authority.school(OTHER)


async def done(connector: Connector) -> Report:
    report = await connector.run()
    assert report.failed is None
    return report


async def pupils(authority: Authority) -> list[Any]:
    return (await authority.ask("GET", f"/v1/schools/{URN}/roll"))["items"]


async def entries(authority: Authority) -> int:
    return len(await authority.changes())


async def test_a_school_is_made_with_its_roll_and_what_waits_for_a_calendar(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1, education_details={"data": {"admission_date": SINCE, "upn": "H869200124007"}})
    elm.mark(child, DAY, "AM", "/")
    report = await done(connector)
    made = await authority.ask("GET", f"/v1/schools/{URN}")
    assert (made["name"], made["laestab"], made["phase"]) == (f"Elm {URN}", "3300001", "primary")
    (pupil,) = await pupils(authority)
    assert (pupil["local_ids"], pupil["upn"], pupil["year_group"]) == ([child], "H869200124007", 6)
    told = await authority.ask("GET", f"/v1/pupils/{pupil['pupil_id']}/contacts")
    (contact,) = told["contacts"]
    assert (contact["name"], contact["parental_responsibility"]) == ("Ms Parent1 Family", True)
    assert contact["address"] == {"lines": ["1 High Street", "Elmton"], "postcode": "M1 1AA"}
    assert await authority.quarantine() == [("/", "closed-session")]
    assert (report.counts["schools_made"], report.counts["marks_quarantined"]) == (1, 1)
    connection = await authority.ask("GET", f"/v1/schools/{URN}/connection")
    assert (connection["kind"], connection["state"]) == ("wonde", "live")


@pytest.mark.usefixtures("opened")
async def test_marks_stand_page_after_page_and_a_second_run_sends_nothing(
    elm: School, connector: Connector, authority: Authority
) -> None:
    elm.wonde.most_a_page = 2
    children = [elm.student(number) for number in range(5)]
    for child in children:
        elm.mark(child, DAY, "AM", "/")
    elm.mark(children[0], DAY, "PM", "L", minutes_late=7, comment="bus")
    report = await done(connector)
    assert await authority.standing() == dict.fromkeys(children, "/")
    assert await authority.standing(f"{DAY}/PM") == {children[0]: "L"}
    assert (report.counts["registers_sent"], report.counts["marks_accepted"]) == (2, 6)
    before = await entries(authority)
    elm.wonde.asked.clear()
    report = await done(connector)
    assert await entries(authority) == before
    assert report.counts["registers_sent"] == 0
    (query,) = [query for path, query in elm.wonde.asked if path.endswith("attendance/session")][:1]
    asked = datetime.fromisoformat(query["updated_after"]).replace(tzinfo=UTC)
    assert asked == elm.wonde.now - timedelta(minutes=15)


@pytest.mark.usefixtures("opened")
async def test_a_correction_and_a_deletion_follow(elm: School, connector: Connector, authority: Authority) -> None:
    child = elm.student(1)
    record = elm.mark(child, DAY, "AM", "N")
    await done(connector)
    elm.amend(record, "I", comment="rang")
    await done(connector)
    assert await authority.standing() == {child: "I"}
    elm.delete("attendance/session", record, "attendance")
    report = await done(connector)
    assert await authority.standing() == {}
    assert report.counts["marks_deleted"] == 1
    before = await entries(authority)
    await done(connector)
    assert await entries(authority) == before
    elm.mark(child, DAY, "AM", "/")
    await done(connector)
    assert await authority.standing() == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_a_record_that_takes_another_ones_place_is_not_deleted_with_it(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    old = elm.mark(child, DAY, "AM", "N")
    await done(connector)
    elm.mark(child, DAY, "AM", "I")
    elm.delete("attendance/session", old, "session_attendance")
    await done(connector)
    assert await authority.standing() == {child: "I"}


@pytest.mark.usefixtures("opened")
async def test_where_there_were_two_records_the_other_one_stands_after_a_deletion(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    elm.mark(child, DAY, "AM", "/")
    double = elm.mark(child, DAY, "AM", "O")
    await done(connector)
    assert await authority.standing() == {child: "O"}
    elm.delete("attendance/session", double, "attendance")
    await done(connector)
    await done(connector)
    assert await authority.standing() == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_a_deletion_that_is_taken_back_brings_the_mark_back(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    record = elm.mark(child, DAY, "AM", "/")
    row = elm.wonde.find(ID, "attendance/session", record)
    await done(connector)
    elm.delete("attendance/session", record, "attendance")
    await done(connector)
    elm.rows("deletions")[0]["restored_at"] = elm.tick()
    elm.rows("attendance/session").append(row)
    await done(connector)
    assert await authority.standing() == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_a_crash_before_anything_was_noted_repeats_and_doubles_nothing(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    record, gone = elm.mark(child, DAY, "AM", "N"), elm.mark(child, DAY, "PM", "O")
    await done(connector)
    connector.saved()
    elm.amend(record, "I")
    elm.delete("attendance/session", gone, "attendance")
    elm.student(2)
    await done(connector)
    before = await entries(authority)
    connector.crashed()
    await done(connector)
    assert await entries(authority) == before
    assert await authority.standing() == {child: "I"}
    assert await authority.standing(f"{DAY}/PM") == {}


@pytest.mark.usefixtures("opened")
async def test_what_an_officer_put_right_here_outlasts_readings_of_the_same_mark(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    elm.mark(child, DAY, "AM", "N")
    await done(connector)
    await authority.mark(child, "M", reason="Card seen", amended_by="J. Field")
    connector.state.forget(ID)
    await done(connector)
    assert await authority.standing() == {child: "M"}


@pytest.mark.usefixtures("opened")
async def test_a_code_of_the_schools_own_waits_is_named_and_stands_once_it_is_translated(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    elm.mark(child, DAY, "AM", "7")
    elm.mark(child, DAY, "PM", "-")
    elm.mark(child, "2025-09-12", "AM", "?")
    report = await done(connector)
    assert sorted(await authority.quarantine()) == [
        ("-", "no-mark"),
        ("7", "unknown-code"),
        ("C100001x63", "unknown-code"),
    ]
    assert report.unmapped["7"] == {"problem": "unknown-code", "description": "Work at home", "marks": 1}
    connector.codes = {"7": "B"}
    report = await done(connector)
    assert await authority.standing() == {child: "B"}
    assert report.counts["registers_sent"] == 1


@pytest.mark.usefixtures("opened")
async def test_wonde_is_given_time(elm: School, connector: Connector, authority: Authority) -> None:
    child = elm.student(1)
    elm.mark(child, DAY, "AM", "/")
    elm.wonde.faults += [
        Fault("attendance/session", 429, {"retry-after": "0"}),
        Fault("attendance/session", 503),
        Fault("students", 500),
    ]
    report = await done(connector)
    assert report.tally.again == {"429": 1, "503": 1, "500": 1}
    assert await authority.standing() == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_a_school_that_fails_stops_no_other_and_goes_on_where_it_was(
    elm: School, connector: Connector, authority: Authority
) -> None:
    ash = School(elm.wonde, OTHER_ID, OTHER).open()
    elm.mark(elm.student(1), DAY, "AM", "/")
    child = ash.student(1)
    ash.mark(child, DAY, "AM", "O")
    elm.wonde.faults += [Fault(f"{ID}/attendance/session", 502) for _ in range(PATIENCE.attempts)]
    links = [Link(ID, URN, {}), Link(OTHER_ID, OTHER, {})]
    since = date.fromisoformat(SINCE)
    async for reports in runs(links, connector.wonde, connector.api, connector.state, since, None):
        assert [report.failed for report in reports] == ["/v1.0/schools/A1/attendance/session answered 502", None]
    assert await authority.standing(urn=OTHER) == {child: "O"}
    assert await authority.standing() == {}
    await done(connector)
    assert await authority.standing() == {"A100001001": "/"}


def elsewhere(answer: Any) -> Any:
    answer["meta"]["pagination"]["next"] = "http://127.0.0.1:9/v1.0/schools/A1/students?page=2"
    return answer


def without_a_way_on(answer: Any) -> Any:
    answer["meta"]["pagination"] |= {"next": None, "more": True}
    return answer


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("students", change=elsewhere), "the next page of schools/A1/students lies elsewhere: not followed"),
        (Fault("students", change=without_a_way_on), "schools/A1/students has more pages and does not say where"),
        (
            Fault("students", change=lambda answer: answer["data"]),
            "schools/A1/students answered without a list in `data`",
        ),
        (Fault("students", body=b"<html>"), "/v1.0/schools/A1/students answered something else than JSON"),
        (Fault("students", 302, {"location": "http://127.0.0.1:9/"}), "/v1.0/schools/A1/students answered 302"),
        (Fault("students", 401), "/v1.0/schools/A1/students answered 401"),
    ],
)
@pytest.mark.usefixtures("opened")
async def test_a_list_that_can_not_be_read_to_its_end_is_not_taken_for_the_whole(
    elm: School, connector: Connector, authority: Authority, fault: Fault, words: str
) -> None:
    elm.student(1)
    elm.wonde.faults.append(fault)
    assert (await connector.run()).failed == words
    await done(connector)
    assert len(await pupils(authority)) == 1


@pytest.mark.usefixtures("opened")
async def test_a_page_that_repeats_ends(elm: School, connector: Connector, authority: Authority) -> None:
    elm.wonde.most_a_page = 1
    for number in range(3):
        elm.student(number)

    def the_first_again(answer: Any) -> Any:
        answer["meta"]["pagination"]["next"] = f"{elm.wonde.url}/schools/{ID}/students?per_page=200&page=1"
        return answer

    elm.wonde.faults += [Fault("students", change=the_first_again) for _ in range(2)]
    assert (await connector.run()).failed == "the pages of schools/A1/students do not end"
    await done(connector)
    assert len(await pupils(authority)) == 3


@pytest.mark.usefixtures("opened")
async def test_rows_that_have_drifted_are_named_and_read_once_they_are_mended(
    elm: School, connector: Connector, authority: Authority
) -> None:
    children = [elm.student(number, a_new_field={"of": ["any", "kind"]}) for number in range(2)]
    nameless = elm.student(2, forename=None)
    good, bad = elm.mark(children[0], DAY, "AM", "/"), elm.mark(children[1], DAY, "AM", "/", date="tomorrow")
    elm.rows("attendance/session").append("no object")  # pyright: ignore[reportArgumentType]
    report = await done(connector)
    assert [(one.resource, one.item, one.field) for one in report.unread] == [
        ("attendance/session", bad, "date"),
        ("attendance/session", "without an id", "id"),
        ("students", nameless, "forename"),
    ]
    assert await authority.standing() == {children[0]: "/"}
    assert "Given" not in json.dumps(report.as_json())
    elm.rows("attendance/session").remove("no object")  # pyright: ignore[reportArgumentType]
    row = elm.wonde.find(ID, "attendance/session", bad)
    row["date"] = elm.wonde.find(ID, "attendance/session", good)["date"]
    elm.wonde.find(ID, "students", nameless)["forename"] = "Sam"
    gone = elm.mark(children[0], DAY, "NOON", "/")
    assert (await done(connector)).unread[-1].item == gone
    elm.delete("attendance/session", gone, "attendance")
    connector.state.keep_prints(ID, "day", {"attendance/session": "2025-09-14"})
    report = await done(connector)
    assert report.unread == []
    assert await authority.standing() == dict.fromkeys(children, "/")
    assert len(await pupils(authority)) == 3


@pytest.mark.usefixtures("opened")
async def test_a_row_that_is_mended_without_a_change_is_read_the_next_day(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    good, bad = elm.mark(child, DAY, "AM", "/"), elm.mark(child, DAY, "PM", "/", date=None)
    await done(connector)
    elm.wonde.now += timedelta(hours=16)
    await done(connector)
    row = elm.wonde.find(ID, "attendance/session", bad)
    row["date"] = elm.wonde.find(ID, "attendance/session", good)["date"]
    assert len((await done(connector)).unread) == 1, "nothing says that it has changed"
    connector.state.keep_prints(ID, "day", {"attendance/session": "2025-09-15"})
    assert (await done(connector)).unread == []
    assert await authority.standing(f"{DAY}/PM") == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_two_students_who_are_one_child_cost_no_other_its_mark(
    elm: School, connector: Connector, authority: Authority
) -> None:
    details = {"data": {"admission_date": SINCE, "upn": "H869200124007"}}
    doubles = [elm.student(number, education_details=details) for number in (1, 2)]
    other = elm.student(3)
    for child in (*doubles, other):
        elm.mark(child, DAY, "AM", "I")
    report = await done(connector)
    assert (await authority.standing())[other] == "I"
    assert len(await authority.standing()) == 2
    assert (report.counts["marks_accepted"], report.counts["marks_refused"]) == (2, 0)
    elm.delete("students", doubles[0], "student")
    await done(connector)
    assert [pupil["enrolments"][0]["to"] for pupil in await pupils(authority)] == [None, None]


async def test_a_school_with_another_urn_sends_nothing(elm: School, connector: Connector, authority: Authority) -> None:
    elm.student(1)
    elm.wonde.schools[ID]["urn"] = 100999
    assert (await connector.run()).failed == f"Wonde's school has the URN 100999, not {URN}"
    await authority.ask("GET", f"/v1/schools/{URN}", 404)


@pytest.mark.usefixtures("opened")
async def test_whoever_leaves_or_is_deleted_is_on_the_roll_no_longer(
    elm: School, connector: Connector, authority: Authority
) -> None:
    stays, leaves, vanishes = (elm.student(number) for number in range(3))
    elm.mark(leaves, DAY, "AM", "/")
    await done(connector)
    row = elm.wonde.find(ID, "students", leaves)
    elm.rows("students").remove(row)
    details = {"data": {"admission_date": SINCE, "leaving_date": "2025-09-12"}}
    elm.rows("students-leaver").append(row | {"education_details": details, "updated_at": elm.tick()})
    elm.delete("students", vanishes, "student")
    await done(connector)
    ends = {pupil["local_ids"][0]: pupil["enrolments"][0]["to"] for pupil in await pupils(authority)}
    assert ends == {stays: None, leaves: "2025-09-12", vanishes: "2025-09-14"}
    assert await authority.quarantine() == [("/", "not-enrolled")]
    before = await entries(authority)
    await done(connector)
    assert await entries(authority) == before


@pytest.mark.usefixtures("opened")
async def test_a_changed_contact_is_told_and_a_court_order_outlasts_it(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    row = elm.wonde.find(ID, "students", child)
    await done(connector)
    (pupil,) = await pupils(authority)
    path = f"/v1/pupils/{pupil['pupil_id']}/contacts"
    kept = (await authority.ask("GET", path))["contacts"][0]
    barred = {"contact_barred": {"from": "2025-09-01", "to": None, "order": None}}
    known = {name: kept[name] for name in ("local_id", "name", "relationship", "parental_responsibility")}
    stay = {"from": SINCE, "to": None, "kind": "single"}
    names = {"local_id": child, "given_name": "Given1", "family_name": "Family1"}
    await authority.roll({**names, "enrolment": stay, "contacts": [known | barred]})
    row["contacts"] = {"data": [elm.contact(1, correspondence=False), elm.contact(2)]}
    elm.rows("contacts").append({"id": row["contacts"]["data"][0]["id"], "updated_at": elm.tick()})
    await done(connector)
    told = {one["local_id"]: one for one in (await authority.ask("GET", path))["contacts"]}
    first, second = told[f"K{URN}001"], told[f"K{URN}002"]
    assert (first["do_not_contact"], first["contact_barred"]["from"]) == (True, "2025-09-01")
    assert (second["do_not_contact"], second["contact_barred"]) == (False, None)


@pytest.mark.usefixtures("opened")
async def test_a_deleted_contact_is_gone_and_contacts_that_are_shared_no_longer_are_not(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    elm.student(2)
    row = elm.wonde.find(ID, "students", child)
    row["contacts"]["data"].append(elm.contact(9))
    await done(connector)
    (pupil,) = [one for one in await pupils(authority) if child in one["local_ids"]]
    path = f"/v1/pupils/{pupil['pupil_id']}/contacts"

    async def known() -> list[str]:
        return sorted(one["local_id"] for one in (await authority.ask("GET", path))["contacts"])

    assert await known() == [f"K{URN}001", f"K{URN}009"]
    row["contacts"]["data"].pop()
    elm.rows("deletions").append({"id": f"K{URN}009", "type": "contact", "deleted_at": elm.tick(), "restored_at": None})
    await done(connector)
    assert await known() == [f"K{URN}001"]
    for student in elm.rows("students"):
        student |= {"contacts": {"data": []}, "updated_at": elm.tick()}
    await done(connector)
    assert await known() == [f"K{URN}001"]


@pytest.mark.usefixtures("opened")
async def test_a_deletion_of_an_unknown_pupils_mark_waits_with_it(
    elm: School, connector: Connector, authority: Authority
) -> None:
    record = elm.mark("A100001009", DAY, "AM", "O")
    await done(connector)
    assert await authority.quarantine() == [("O", "unknown-pupil")]
    elm.delete("attendance/session", record, "attendance")
    assert (await done(connector)).counts["deletions_waiting"] == 1
    elm.student(9)
    assert (await done(connector)).counts["marks_deleted"] == 1
    assert await authority.standing() == {}


@pytest.mark.usefixtures("opened")
async def test_what_a_school_does_not_share_is_named_and_costs_nothing_else(
    elm: School, connector: Connector, authority: Authority
) -> None:
    child = elm.student(1)
    elm.mark(child, DAY, "AM", "/", attendance_code={"data": {"id": "x", "code": "/"}})
    elm.wonde.refused = {"attendance-codes", "deletions", "students-leaver"}
    report = await done(connector)
    assert report.not_shared == ["attendance-codes", "deletions", "students-leaver"]
    assert await authority.standing() == {child: "/"}


@pytest.mark.usefixtures("opened")
async def test_a_row_that_rollcall_refuses_is_named_and_the_others_are_taken(
    elm: School, connector: Connector, authority: Authority
) -> None:
    elm.student(1, date_of_birth=stamp(NOW + timedelta(days=3)))
    elm.student(2)
    report = await done(connector)
    assert report.rejected == [{"kind": "student", "wonde_id": "A100001001", "problem": "born-in-the-future"}]
    assert [pupil["local_ids"] for pupil in await pupils(authority)] == [["A100001002"]]


@pytest.mark.usefixtures("opened")
async def test_a_mark_that_a_deletion_moved_onto_a_page_already_read_is_read_the_next_time(
    elm: School, connector: Connector, authority: Authority
) -> None:
    elm.wonde.most_a_page = 2
    children = [elm.student(number) for number in range(5)]
    records = [elm.mark(child, DAY, "AM", "/") for child in children]
    elm.wonde.now += timedelta(days=1)

    def then_one_is_deleted(answer: Any) -> Any:
        elm.delete("attendance/session", records[0], "attendance")
        return answer

    elm.wonde.faults.append(Fault("attendance/session", change=then_one_is_deleted))
    await done(connector)
    assert children[2] not in await authority.standing()
    await done(connector)
    assert await authority.standing() == dict.fromkeys(children[1:], "/")
    elm.wonde.now += timedelta(days=1)
    await done(connector)
    elm.wonde.asked.clear()
    await done(connector)
    (query,) = [query for path, query in elm.wonde.asked if path.endswith("attendance/session")]
    assert "updated_after" in query, "nothing was deleted meanwhile"


@pytest.mark.usefixtures("opened")
async def test_a_mark_that_rollcall_refuses_is_tried_again_once_a_day_for_a_week(
    elm: School, connector: Connector, authority: Authority
) -> None:
    children = [elm.student(number) for number in range(2)]
    elm.mark(children[0], DAY, "AM", "/")
    refused = elm.mark("A" * 300, DAY, "AM", "/")
    elm.wonde.now += timedelta(days=1)
    first = await done(connector)
    assert [(one["wonde_id"], first.counts["marks_accepted"]) for one in first.rejected] == [(refused, 1)]
    assert [(one.resource, one.item) for one in first.unread] == [("attendance/session", refused)]
    assert (await done(connector)).rejected == [], "once a day"
    connector.state.keep_prints(ID, "day", {"attendance/session": "2025-09-15"})
    again = await done(connector)
    assert (again.rejected, again.unread) == (first.rejected, first.unread), "since the first time: a week at most"
    elm.wonde.find(ID, "attendance/session", refused)["student"] = children[1]
    connector.state.keep_prints(ID, "day", {"attendance/session": "2025-09-15"})
    assert (await done(connector)).unread == []
    assert await authority.standing() == dict.fromkeys(children, "/")
