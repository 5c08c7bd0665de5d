"""What the schools' systems say is complete, said once, and each correction puts right what was said."""

from collections import Counter
from collections.abc import Iterator

import pytest
from simulator import authority
from simulator.mis import Mis, Register

DAYS = 40
Key = tuple[int, str, str, str]


@pytest.fixture(scope="module")
def mis() -> Mis:
    return Mis(authority.build(pupils=1500, seed=3))


def said(register: Register) -> Iterator[tuple[Key, dict[str, object]]]:
    for mark in register.body["marks"]:
        yield (register.urn, register.date.isoformat(), register.session, mark["local_id"]), mark


def test_every_pupil_on_roll_is_marked_once_a_session(mis: Mis) -> None:
    for day in range(DAYS):
        on_roll = {
            (mis.authority.schools[stay.school].urn, stay.local_id)
            for stay in mis.authority.stays
            if stay.first <= day <= stay.last
        }
        for session in (0, 1):
            marked = Counter(key for register in mis.registers(day, session) for key, _ in said(register))
            assert set(marked.values()) == {1}
            assert {(urn, local_id) for urn, _, _, local_id in marked} == on_roll


def test_corrections_lead_from_what_was_first_said_to_what_stands(mis: Mis) -> None:
    stands: dict[Key, object] = {}
    corrected = 0
    for day in range(len(mis.authority.days)):
        for session in (0, 1):
            for register in mis.registers(day, session):
                stands.update({key: mark["code"] for key, mark in said(register)})
        for register in mis.corrections(day):
            for key, mark in said(register):
                assert stands[key] == "N"
                assert mark["reason"]
                assert mark["amended_by"]
                stands[key] = mark["code"]
                corrected += 1
    unknown = sum(code == "N" for code in stands.values()) / len(stands)
    assert 0.01 < corrected / len(stands) < 0.03
    assert unknown < 0.002


def test_a_register_is_closed_within_half_an_hour_and_never_larger_than_a_class(mis: Mis) -> None:
    for session, opens in ((0, "08:45"), (1, "13:00")):
        for register in mis.registers(3, session):
            taken = register.body["taken_at"]
            assert taken.startswith(register.date.isoformat())
            assert opens < taken[11:16] <= {"08:45": "09:25", "13:00": "13:40"}[opens]
            assert taken.endswith("+01:00")
            assert len(register.body["marks"]) <= 34


def test_a_late_mark_says_how_late(mis: Mis) -> None:
    late = [
        mark
        for day in range(5)
        for register in mis.registers(day, 0)
        for _, mark in said(register)
        if mark["code"] == "L"
    ]
    assert late
    assert all(1 <= int(str(mark["minutes_late"])) <= 30 for mark in late)


def test_a_mover_leaves_one_roll_and_comes_onto_another_on_the_same_day(mis: Mis) -> None:
    moves = [list(mis.moves(day)) for day in range(len(mis.authority.days))]
    assert all(len(day) % 2 == 0 for day in moves)
    for day, changes in enumerate(moves):
        upns = Counter(body["pupils"][0]["upn"] for _, body in changes)
        assert set(upns.values()) <= {2}
        for _, body in changes:
            enrolment = body["pupils"][0]["enrolment"]
            today = mis.authority.days[day].date.isoformat()
            assert enrolment["to"] < today if enrolment["to"] else enrolment["from"] == today


def test_a_pupil_with_two_schools_is_at_one_of_them_and_d_at_the_other(mis: Mis) -> None:
    second = [stay for stay in mis.authority.stays if stay.kind == "subsidiary"]
    assert second
    for stay in second:
        main = next(other for other in mis.authority.stays if other.pupil == stay.pupil and other.kind == "main")
        for day in range(10):
            codes = {
                key[3]: mark["code"] for register in mis.registers(day, 0) for key, mark in said(register)
                if key[0] in (mis.authority.schools[stay.school].urn, mis.authority.schools[main.school].urn)
            }  # fmt: skip
            assert (codes[stay.local_id] == "D") != (codes[main.local_id] == "D")
