"""Which mark of a session counts for a child in the second implementation (rule book 12.9)."""

from datetime import date

import pytest
from audit.child import Child, Enrolment, Mark, counted

DAY = date(2025, 9, 25)
SCHOOL, OTHER = 100001, 100002
OWN, DEAD = "b", "a"


def counts(*told: tuple[int, str, str]) -> str:
    """The code that counts, of those that schools (URN) say of an id."""
    stays = [Enrolment(SCHOOL, date(2025, 9, 1), None, "main"), Enrolment(OTHER, date(2025, 9, 1), None, "subsidiary")]
    (mark,) = counted(Child(OWN, [Mark(DAY, "AM", code, urn, of) for urn, of, code in told], stays, {}, None))
    return mark.code


@pytest.mark.parametrize("code", ["/", "D", "O"])
def test_of_two_ids_at_one_school_the_child_s_own_counts(code: str):
    """D there as well: it tells of another school, and there is none."""
    assert counts((SCHOOL, OWN, code), (SCHOOL, DEAD, "I")) == code
    assert counts((SCHOOL, DEAD, "I"), (SCHOOL, OWN, code)) == code


def test_a_d_gives_way_to_what_another_school_says():
    assert counts((SCHOOL, OWN, "D"), (OTHER, OWN, "I")) == "I"
    assert counts((SCHOOL, OWN, "D"), (SCHOOL, DEAD, "O"), (OTHER, DEAD, "I")) == "I"


def test_the_main_school_s_mark_counts():
    assert counts((OTHER, OWN, "/"), (SCHOOL, DEAD, "O")) == "O"
