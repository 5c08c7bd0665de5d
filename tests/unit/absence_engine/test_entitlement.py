"""Who has less than full-time education at a school, by what stands for a child there and by its flags."""

from datetime import date, timedelta

from absence_engine.domain.entitlement import CODES, Entitlement, Spent, entitlement
from absence_engine.domain.flags import Flagged
from absence_engine.domain.ticks import NEVER, tick_of

from tests.unit.absence_engine.children import OTHER, PUPIL, URN, child, sessions

DAYS = [date(2025, 9, 1) + timedelta(n) for n in range(5)]
TODAY = DAYS[4]
TIMETABLE = "PART_TIME_TIMETABLE"


def test_each_status_says_how_many_sessions_and_from_which_day_to_which() -> None:
    marks = dict(zip(sessions(DAYS), ["/", "C2", "C2", "B", "X", "Y1", "K", "/", "Y7", "C2"], strict=True))
    assert entitlement(child(marks), URN, 2025, TODAY) == Entitlement(
        PUPIL,
        False,
        {
            "part_time_timetable": Spent(3, DAYS[0], DAYS[4]),
            "arranged_elsewhere": Spent(2, DAYS[1], DAYS[3]),
            "not_required": Spent(1, DAYS[2], DAYS[2]),
            "unable": Spent(2, DAYS[2], DAYS[4]),
        },
    )


def test_every_code_of_those_who_are_unable_to_attend_is_one_of_y() -> None:
    assert CODES["unable"] == ("Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7", "Y")


def test_full_time_education_is_none_of_them() -> None:
    present = dict.fromkeys(sessions(DAYS), "/")
    assert entitlement(child(present), URN, 2025, TODAY) is None
    assert entitlement(child({}), URN, 2025, TODAY) is None
    part_time = dict.fromkeys(sessions(DAYS), "C2")
    assert entitlement(child(part_time), OTHER, 2025, TODAY) is None
    assert entitlement(child(part_time), URN, 2024, TODAY) is None


def test_a_part_time_timetable_counts_while_it_is_in_force() -> None:
    first, last = tick_of(DAYS[1]), tick_of(DAYS[3], 1)
    one = child({}, flags=[Flagged(TIMETABLE, first, last), Flagged("CIN", 0, NEVER)])
    found = [entitlement(one, URN, 2025, day) for day in DAYS]
    assert found == [None, *[Entitlement(PUPIL, True, {})] * 3, None]
    assert entitlement(child({}, flags=[Flagged("CIN", 0, NEVER)]), URN, 2025, TODAY) is None
