"""The simulated authority has the real one's figures, and everything in it has the right form."""

import re
from datetime import date

import numpy as np
import pytest
from simulator import absence, authority, calendar, dfe, identifiers, marks
from simulator.authority import Authority
from simulator.people import Contact

OUTSIDE = [marks.NUMBER[code] for code in ("D", "Y1", "Y3", "Y4", "Y7")]
ABSENT = [marks.NUMBER[code] for code in absence.ABSENT]


@pytest.fixture(scope="module", params=["330", "916"])
def large(request: pytest.FixtureRequest) -> Authority:
    return authority.build(pupils=10_000, la_code=request.param)


def members(simulated: Authority, phase: str) -> list[int]:
    return sorted(
        {
            stay.pupil
            for stay in simulated.stays
            if simulated.schools[stay.school].phase == phase and stay.kind != "subsidiary"
        }
    )


@pytest.mark.parametrize("phase", dfe.PHASES)
def test_a_year_of_each_phase_has_the_authoritys_own_absence_and_persistent_absence(
    large: Authority, phase: str
) -> None:
    real = large.figures.phases[phase]
    codes = large.marks.final[members(large, phase)]
    possible = (~np.isin(codes, OUTSIDE)).sum(axis=1)
    absent = np.isin(codes, ABSENT).sum(axis=1)
    slack = 2 / len(codes)
    assert absent.sum() / possible.sum() == pytest.approx(real.absence, abs=0.003)
    assert (absent * 10 >= possible).mean() == pytest.approx(real.persistent, abs=0.01 + slack)
    assert (absent * 2 >= possible).mean() == pytest.approx(real.severe, abs=0.005 + slack)


@pytest.mark.parametrize("phase", ["primary", "secondary"])
def test_the_codes_come_in_the_shares_of_the_real_file(large: Authority, phase: str) -> None:
    codes = large.marks.final[members(large, phase)]
    possible = (~np.isin(codes, OUTSIDE)).sum()
    for code in ("L", "B", "V", "I", "M", "C", "G", "O", "U"):
        share = (codes == marks.NUMBER[code]).sum() / possible
        real = large.figures.phases[phase].shares[code]
        assert share == pytest.approx(real, rel=0.15, abs=0.0005), code


def test_absence_is_higher_on_fridays_and_before_the_christmas_holiday(large: Authority) -> None:
    daily = np.isin(large.marks.final, ABSENT).reshape(len(large.pupils), -1, 2).mean(axis=(0, 2))
    weekday = np.array([day.date.weekday() for day in large.days])
    week = [(day.half_term, day.weeks_left) for day in large.days]
    last_of_autumn = np.array([place == (1, 0) for place in week])
    assert daily[weekday == 4].mean() / daily[weekday < 4].mean() == pytest.approx(5.5 / 4.6, abs=0.08)
    assert daily[last_of_autumn].mean() / daily.mean() == pytest.approx(9.4 / 6.88, abs=0.2)


def test_a_missed_morning_is_mostly_a_missed_day(large: Authority) -> None:
    absent = np.isin(large.marks.final, ABSENT)
    both = (absent[:, 0::2] & absent[:, 1::2]).sum()
    assert both / absent[:, 0::2].sum() > 0.75


def test_the_reason_is_often_unknown_at_first_and_seldom_after_two_weeks(large: Authority) -> None:
    """Rule book 10c, correction behaviour: 0.17% of possible after two weeks, 0.10% after about nine."""
    drawn = large.marks
    day = np.arange(drawn.final.shape[1])[None, :] // 2
    unknown = drawn.first == marks.NUMBER["N"]
    # The first half of the year, so that every mark has had time to be settled.
    early = slice(0, drawn.final.shape[1] // 2)

    def still_unknown_after(school_days: int) -> float:
        open_ = unknown & ((drawn.settled > day + school_days) | (drawn.settled == marks.NOT_CORRECTED))
        return float(open_[:, early].mean())

    assert 0.015 < float(unknown.mean()) < 0.03
    assert still_unknown_after(10) == pytest.approx(0.0017, abs=0.0006)
    assert still_unknown_after(48) == pytest.approx(0.0010, abs=0.0005)


def test_the_same_seed_gives_the_same_authority_and_another_seed_another() -> None:
    one, same, other = authority.build(300, seed=5), authority.build(300, seed=5), authority.build(300, seed=6)
    assert one.pupils == same.pupils
    assert one.stays == same.stays
    assert one.schools == same.schools
    assert all(
        np.array_equal(getattr(one.marks, name), getattr(same.marks, name)) for name in ("final", "first", "settled")
    )
    assert one.pupils != other.pupils
    assert not np.array_equal(one.marks.final, other.marks.final)


@pytest.mark.parametrize("pupils", [1, 2, 7, 60, 1000])
def test_an_authority_may_be_of_any_size(pupils: int) -> None:
    simulated = authority.build(pupils)
    assert len(simulated.pupils) == pupils
    assert simulated.marks.final.shape == (pupils, 380)
    assert {stay.pupil for stay in simulated.stays} == set(range(pupils))


@pytest.mark.parametrize("year", range(2024, 2031))
def test_every_year_has_190_school_days_in_39_weeks_inside_its_academic_year(year: int) -> None:
    days = [day.date for day in calendar.school_days(year)]
    assert len(days) == len(set(days)) == 190
    assert len({day.isocalendar()[:2] for day in days}) == 39
    assert all(day.weekday() < 5 for day in days)
    assert date(year, 8, 1) <= min(days) < max(days) <= date(year + 1, 7, 31)


def test_the_year_of_the_rule_book_is_its_test_calendar() -> None:
    days = [day.date for day in calendar.school_days(2025)]
    assert days[0] == date(2025, 9, 2)
    assert days[-1] == date(2026, 7, 17)
    assert not {date(2025, 9, 1), date(2025, 10, 27), date(2025, 11, 3), date(2026, 5, 4)} & set(days)


@pytest.mark.parametrize("upn", ["B801200005001", "F330123425001", "V333456725042", "H869200124007", "F916400826013"])
def test_check_letters_are_those_of_the_rule_book(upn: str) -> None:
    assert identifiers.check_letter(upn[1:]) == upn[0]


def test_every_upn_is_valid_and_belongs_to_one_child(large: Authority) -> None:
    upns = [pupil.upn for pupil in large.pupils]
    assert len(set(upns)) == len(upns)
    for upn in upns:
        assert re.fullmatch(r"[A-HJ-NP-RT-Z]\d{12}", upn)
        assert identifiers.check_letter(upn[1:]) == upn[0]


def test_a_date_of_birth_gives_the_year_group_by_the_age_on_31_august(large: Authority) -> None:
    for pupil in large.pupils:
        born = pupil.date_of_birth
        age = large.year - born.year - ((born.month, born.day) > (8, 31))
        assert age - 4 == pupil.year_group


def test_siblings_share_their_parents_and_live_at_one_address(large: Authority) -> None:
    families: dict[tuple[Contact, ...], int] = {}
    for pupil in large.pupils:
        families[pupil.contacts] = families.get(pupil.contacts, 0) + 1
    sizes = np.bincount(list(families.values()))
    assert sizes[2] > sizes[3] > 0
    assert max(families.values()) <= 4


def test_some_parents_live_apart_and_some_must_not_be_written_to(large: Authority) -> None:
    contacts = [contact for pupil in large.pupils for contact in pupil.contacts]
    assert 0.03 < np.mean([not contact.lives_with_pupil for contact in contacts]) < 0.25
    assert 0.005 < np.mean([contact.do_not_contact for contact in contacts]) < 0.1
    assert {contact.language for contact in contacts} > {"en", "pl", "ur"}
    assert all(contact.email is None or contact.email.endswith("@example.org") for contact in contacts)


def test_free_school_meals_go_with_absence_as_in_the_rule_book(large: Authority) -> None:
    """Rule book 10d: 25.7% of pupils, persistently absent twice as often as the others."""
    fsm = np.array(["FSM" in pupil.flags for pupil in large.pupils])
    persistent = large.rate >= 0.10
    assert fsm.mean() == pytest.approx(0.257, abs=0.04)
    assert persistent[fsm].mean() / persistent[~fsm].mean() > 1.6


def test_phases_and_school_sizes_are_the_authoritys_own(large: Authority) -> None:
    real = large.figures.phases
    total = sum(figures.pupils for figures in real.values())
    for phase, figures in real.items():
        own = members(large, phase)
        schools = [school for school in large.schools if school.phase == phase]
        assert len(own) / len(large.pupils) == pytest.approx(figures.pupils / total, abs=0.01)
        assert len(own) / len(schools) == pytest.approx(figures.pupils / figures.schools, rel=0.5)


def test_a_few_pupils_move_and_a_few_go_to_two_schools(large: Authority) -> None:
    moved = [stay for stay in large.stays if stay.until is not None]
    second = [stay for stay in large.stays if stay.kind == "subsidiary"]
    assert 5 < len(moved) < 120
    assert 5 < len(second) < 120
    for stay in moved:
        arrival = next(other for other in large.stays if other.pupil == stay.pupil and other.first == stay.last + 1)
        assert arrival.school != stay.school
        assert arrival.since == large.days[arrival.first].date
