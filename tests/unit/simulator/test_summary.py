"""The summary's figures are those of the enrolments, beside DfE's own."""

from simulator import authority
from simulator.summary import Row, absence_lines, in_words


def test_figures_by_phase_are_sums_of_sessions_beside_those_of_the_real_authority() -> None:
    simulated = authority.build(60)
    rows = [Row("a", 900001, "primary", 50, 5), Row("b", 900001, "primary", 40, 0), Row("c", 900001, "primary", 10, 5)]
    line = next(line for line in absence_lines(rows, simulated, simulated.days[:30]) if line.startswith("Primary"))
    # 10 of 100 sessions; a and c are at 10% or more, c at 50%; DfE: Gloucestershire, primary.
    assert line.split() == ["Primary", "(3", "pupils)", "10.0%", "5.3%", "66.7%", "12.9%", "33.3%", "0.9%"]


def test_a_short_time_is_said_to_read_differently_and_a_whole_year_is_not() -> None:
    simulated = authority.build(60)
    rows = [Row("a", 900001, "primary", 50, 5)]
    assert any("reads differently" in line for line in absence_lines(rows, simulated, simulated.days[:30]))
    assert not any("reads differently" in line for line in absence_lines(rows, simulated, simulated.days))


def test_dates_are_said_as_people_say_them() -> None:
    assert in_words("2025-09-05") == "Fri 5 Sep 2025"
