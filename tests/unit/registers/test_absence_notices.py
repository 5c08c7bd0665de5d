"""What a parent's notice covers, how it goes with what stands, and which absences nobody told of in time."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import pytest
from common.academic import Session
from common.clock import LONDON
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st
from registers.domain import absence_notices as rules
from registers.domain import notice_gaps as gaps
from registers.domain.absence_notices import Content, Giver, Notice, Standing, Version
from registers.domain.expected import Place
from registers.domain.notice_gaps import Absence, Run
from registers.domain.policy import policy_on

AM, PM = Session
MONDAY = date(2025, 9, 15)
CODES = code_table()
CHILD = "0b54e1a6-5b0c-4a86-8a3c-5f4f6a4f5f01"
DUE = {AM: datetime(2025, 9, 15, 9, 15, tzinfo=LONDON), PM: datetime(2025, 9, 15, 13, 45, tzinfo=LONDON)}
EVENING = datetime(2025, 9, 15, 18, tzinfo=LONDON)
MORNING = Place(MONDAY, AM)


def on(day: int, session: Session = AM) -> Place:
    return Place(date(2025, 9, day), session)


def notice(
    first: Place = MORNING, last: Place | None = None, at: str = "08:30", given_on: date = MONDAY, **more: str
) -> Notice:
    given_at = datetime.fromisoformat(f"{given_on}T{at}").replace(tzinfo=LONDON)
    content = Content(Giver(None, "Robin", "mother"), "app", given_at, first, last)
    state: rules.State = "withdrawn" if more.get("state") == "withdrawn" else "given"
    return Notice(more.get("id", "n"), 100001, CHILD, Version(1, state, content, given_at))


def absence(since: date = MONDAY, sessions: Mapping[Session, str] | None = None) -> Absence:
    return Absence(CHILD, sessions or {AM: "I", PM: "I"}, Run(since, 1 + (MONDAY - since).days))


def outcome(absent: Absence, *notices: Notice, now: datetime = EVENING) -> str:
    return gaps.judge(absent, MONDAY, notices, DUE, now).outcome


def test_a_notice_without_an_end_covers_its_first_day_from_its_first_session_on() -> None:
    content = notice(on(15, PM)).now.content
    covered = [place for day in (14, 15, 16) for place in (on(day), on(day, PM)) if content.covers(place)]
    assert covered == [on(15, PM)]


def test_a_notice_with_an_end_covers_all_from_its_first_to_its_last_session() -> None:
    content = notice(on(15, PM), on(17)).now.content
    covered = [place for day in (15, 16, 17, 18) for place in (on(day), on(day, PM)) if content.covers(place)]
    assert covered == [on(15, PM), on(16), on(16, PM), on(17)]


@pytest.mark.parametrize(
    ("code", "explained", "expected"),
    [
        (None, False, "awaited"),
        ("N", True, "to-settle"),
        ("O", False, "unexplained"),
        ("O", True, "agrees"),
        ("/", False, "present"),
        ("L", False, "present"),
        ("U", False, "present"),
        ("V", False, "present"),
        ("I", False, "agrees"),
        ("G", False, "agrees"),
        ("Y2", False, "agrees"),
        ("D", False, "agrees"),
    ],
)
def test_what_stands_goes_with_a_notice_or_not(code: str | None, explained: bool, expected: str) -> None:
    assert rules.match(Standing(100001, on(15), code, explained), CODES) == expected


def test_every_code_goes_with_a_notice_somehow() -> None:
    known = {rules.match(Standing(100001, on(15), code), CODES) for code in CODES}
    assert known == {"to-settle", "unexplained", "present", "agrees"}


@pytest.mark.parametrize(
    ("last", "code"),
    [(None, None), (on(15, PM), None), (on(14, PM), "ends-before-it-starts"), (on(15), "ends-before-it-starts")],
)
def test_a_notice_ends_after_it_begins(last: Place | None, code: str | None) -> None:
    fault = rules.fault_of_span(on(15, PM), last)
    assert (fault and fault.code) == code


def test_a_notice_covers_a_hundred_days_at_most() -> None:
    last = on(15).on + timedelta(days=rules.LONGEST_DAYS - 1)
    assert rules.fault_of_span(on(15), Place(last, PM)) is None
    fault = rules.fault_of_span(on(15), Place(last + timedelta(days=1), AM))
    assert fault is not None
    assert fault.code == "too-long"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, None),
        ("I", None),
        ("G", None),
        ("N", "not-an-absence"),
        ("/", "not-an-absence"),
        ("U", "not-an-absence"),
        ("H", "retired-code"),
        ("Ö", "unknown-code"),
    ],
)
def test_a_suggested_code_is_in_force_and_explains_an_absence(code: str | None, expected: str | None) -> None:
    fault = rules.fault_of_code(code, MONDAY, CODES)
    assert (fault and fault.code) == expected


def test_an_absence_on_its_first_day_is_told_by_the_schools_time_or_late_or_not_at_all() -> None:
    assert outcome(absence(), notice(at="09:15")) == "told"
    assert outcome(absence(), notice(at="09:16")) == "first-day-late"
    assert outcome(absence()) == "first-day-missing"
    assert outcome(absence(), notice(state="withdrawn")) == "first-day-missing"
    assert outcome(absence(), now=DUE[AM] - timedelta(minutes=1)) == "not-due-yet"


def test_of_two_notices_the_earlier_one_says_whether_it_was_in_time() -> None:
    assert outcome(absence(), notice(at="11:00", id="b"), notice(at="09:00", id="a")) == "told"


def test_an_absence_from_the_afternoon_on_has_until_the_afternoons_time() -> None:
    afternoon = absence(sessions={PM: "I"})
    assert outcome(afternoon, notice(on(15, PM), at="13:40")) == "told"
    assert outcome(afternoon, now=DUE[AM] + timedelta(hours=1)) == "not-due-yet"


def test_a_notice_for_the_morning_leaves_the_afternoon_untold() -> None:
    judged = gaps.judge(absence(), MONDAY, [notice(on(15), on(15))], DUE, EVENING)
    assert (judged.outcome, judged.sessions, judged.due_at) == ("first-day-missing", [PM], DUE[PM])


def test_each_further_day_wants_a_notice_of_its_own_and_names_the_one_before() -> None:
    friday = date(2025, 9, 12)
    opened = notice(on(12), given_on=friday, id="friday")
    judged = gaps.judge(absence(friday), MONDAY, [opened], DUE, EVENING)
    assert judged.outcome == "further-day-missing"
    assert judged.notice == opened
    assert outcome(absence(friday), notice(on(12), on(15, PM), given_on=friday)) == "told"
    assert outcome(absence(friday), opened, notice(at="16:00")) == "told"  # only the first day has its time


def test_a_run_goes_back_to_the_last_session_at_which_the_pupil_was_seen() -> None:
    marks = {on(11, PM): "I", on(12): "/", on(12, PM): "N", on(15): "I"}
    assert gaps.run_of(marks, on(15), CODES) == Run(date(2025, 9, 12), 2)
    assert gaps.run_of(marks | {on(12, PM): "U"}, on(15), CODES) == Run(MONDAY, 1)


def test_sessions_without_a_mark_and_those_that_were_not_possible_do_not_end_a_run() -> None:
    marks = {on(10): "I", on(11): "Y2", on(11, PM): "D", on(15): "I"}
    assert gaps.run_of(marks, on(15), CODES) == Run(date(2025, 9, 10), 2)


def test_a_child_who_was_there_in_the_morning_begins_an_absence_in_the_afternoon() -> None:
    assert gaps.run_of({on(12): "I", on(15): "/", on(15, PM): "I"}, on(15, PM), CODES) == Run(MONDAY, 1)


def test_every_absence_comes_out_somehow_and_is_counted_once() -> None:
    judged = [gaps.judge(one, MONDAY, said, DUE, EVENING) for one in (absence(),) for said in ([], [notice()])]
    assert gaps.counts(judged) == {
        "absent": 2, "told": 1, "not_due_yet": 0, "first_day_late": 0, "first_day_missing": 1, "further_day_missing": 0,
    }  # fmt: skip


SLOTS = [on(day, session) for day in range(8, 16) for session in Session]


@given(st.dictionaries(st.sampled_from(SLOTS[:-2]), st.sampled_from(["/", "L", "I", "N", "C", "D", "X"])))
def test_a_run_is_what_walking_back_session_by_session_finds(before: dict[Place, str]) -> None:
    absent: set[date] = {MONDAY}
    for place in reversed(SLOTS[:-2]):
        if before.get(place) in ("/", "L"):
            break
        if before.get(place) in ("I", "N", "C"):
            absent.add(place.on)
    run = gaps.run_of(before | {on(15): "N"}, on(15), CODES)
    assert run == Run(min(absent), len(absent))


def test_what_parents_are_to_tell_is_what_nobody_knew_beforehand() -> None:
    rule = policy_on(MONDAY).notices
    assert rule.codes <= {code for code, known in CODES.items() if known.absence is not None and not known.on_site}
    assert rule.by.morning.isoformat("minutes") == "09:15"
