"""A policy document says exactly what it means, or what is wrong with it and where."""

import json
from typing import Any

import pytest
from absence_engine.domain.counts import over_line
from absence_engine.domain.policy import Policy, PolicyError, in_order, policies, read, written
from absence_engine.domain.thresholds import Band, Rate, Stage, Window
from hypothesis import given
from hypothesis import strategies as st


def faults(document: Any) -> list[tuple[str, str]]:
    with pytest.raises(PolicyError) as raised:
        read(document)
    return [(fault.pointer, fault.detail) for fault in raised.value.faults]


def with_threshold(kind: str, **more: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(written(policies()[0])))
    document["thresholds"][kind] = document["thresholds"].get(kind, {}) | more
    return document


@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.version)
def test_what_is_written_of_a_policy_reads_as_it(policy: Policy) -> None:
    assert read(json.loads(json.dumps(written(policy)))) == policy


RATE = {"rule": "rate", "part": 1, "of": 20, "minimum_possible": 40, "recovery_sessions": 10}
TALLY = {"rule": "tally", "sessions": 30, "codes": ["I", "N"], "compulsory_age": True}
RUN = {"rule": "run", "sessions": 20, "codes": ["O", "N"], "compulsory_age": True}


@pytest.mark.parametrize(
    ("kind", "said", "pointer", "words"),
    [
        ("PA", {"of": "ten"}, "/thresholds/PA/of", "Expected `int`"),
        ("PA", {"part": 2}, "/thresholds/PA", "one in"),
        ("PA", {"recovery_sessions": 0}, "/thresholds/PA/recovery_sessions", ">= 1"),
        ("LATE", RATE, "/thresholds/LATE", "no such threshold"),
        ("CONTINUOUS_10", RATE, "/thresholds/CONTINUOUS_10/rule", "always of the rule run"),
        ("CONTINUOUS_10", RUN | {"codes": ["O", "D"]}, "/thresholds/CONTINUOUS_10/codes/1", "possible session"),
        ("CONTINUOUS_10", RUN | {"codes": []}, "/thresholds/CONTINUOUS_10/codes", "length >= 1"),
        ("CONTINUOUS_10", RUN | {"unsettled_codes": ["I"]}, "/thresholds/CONTINUOUS_10/unsettled_codes/0", "not among"),
        ("CONTINUOUS_10", RUN | {"flags": ["CIN", "TALL"]}, "/thresholds/CONTINUOUS_10/flags/1", "no flag TALL"),
        ("SICKNESS_15", TALLY | {"unsettled_codes": ["N"]}, "/thresholds/SICKNESS_15/unsettled_codes", "firm at once"),
        ("AT_RISK", RATE | {"part": 0}, "/thresholds/AT_RISK/of", "`part` of `of`"),
        ("AT_RISK", RATE | {"targets": {}}, "/thresholds/AT_RISK/targets", "Only SCHOOL_TARGET"),
        ("CIN_CP_95", RATE, "/thresholds/CIN_CP_95/flags", "which flags"),
        ("SCHOOL_TARGET", RATE, "/thresholds/SCHOOL_TARGET/targets", "each school's target"),
        ("PN_10_IN_10", {"reading": "school_days"}, "/thresholds/PN_10_IN_10/days", "how many"),
        ("PN_10_IN_10", {"colour": "red"}, "/thresholds/PN_10_IN_10", "unknown field"),
    ],
)
def test_what_is_wrong_with_a_threshold_is_said_where_it_stands(
    kind: str, said: dict[str, Any], pointer: str, words: str
) -> None:
    found = faults(with_threshold(kind, **said))
    assert any(at == pointer and words in detail for at, detail in found)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"valid_from": "tomorrow"}, "/valid_from"),
        ({"version": ""}, "/version"),
        ({"stages": {"AT_RISK": {"task": "ring_home", "due_open_days": 3}}}, "/stages/AT_RISK"),
        ({"stages": {"PA": {"task": "ring_home", "due_open_days": 30}}}, "/stages/PA/due_open_days"),
        ({"bands": [{"name": "all"}]}, "/bands/0"),
        ({"bands": [{"name": "a", "attendance_from": "50"}, {"name": "b", "attendance_from": "60"}]}, "/bands/1"),
        ({"bands": [{"name": "a", "attendance_from": "50"}]}, "/bands/0"),
    ],
)
def test_what_is_wrong_elsewhere_is_said_where_it_stands(more: dict[str, Any], pointer: str) -> None:
    assert pointer in [at for at, _ in faults(written(policies()[0]) | more)]


def test_all_that_is_wrong_is_said_at_once() -> None:
    document = written(policies()[0]) | {"suppress_below": 5, "stages": {"XX": {"task": "x", "due_open_days": 1}}}
    document["thresholds"] = {"PA": {"rule": "rate"}, "SA": {"rule": "nothing"}}
    assert [at for at, _ in faults(document)] == ["/thresholds/PA", "/thresholds/SA/rule", "/thresholds", "/stages/XX"]


@given(st.integers(0, 400), st.integers(1, 400))
def test_bands_agree_with_persistent_and_severe_absence(absent: int, more: int) -> None:
    attended, possible = more - 1, absent + more - 1
    band = policies()[-1].band_of(attended, possible)
    if possible == 0:
        assert band is None
        return
    assert (band in ("persistent", "severe")) == over_line(absent, possible, 10)
    assert (band == "severe") == over_line(absent, possible, 2)
    assert (band == "good") == (attended * 100 >= possible * 97)


def test_of_versions_valid_from_one_day_the_higher_one_holds() -> None:
    two, ten = (read(written(policies()[0]) | {"version": f"local-1.{n}"}) for n in (2, 10))
    assert sorted([ten, two], key=in_order) == [two, ten]


TARGETS = {**RATE, "part": 0, "of": 0, "targets": {"100001": "95"}}


@pytest.mark.parametrize(
    ("kind", "said", "pointer", "words"),
    [
        (
            "LATE", RATE, "/thresholds/LATE",
            "There is no such threshold; there are AT_RISK, BELOW_95, SCHOOL_TARGET, CIN_CP_95, PA, SA, PN_10_IN_10, "
            "PUNCTUALITY, CONTINUOUS_10, CONTINUOUS_20, UNEXPLAINED, SICKNESS_15.",
        ),
        ("CONTINUOUS_10", RATE, "/thresholds/CONTINUOUS_10/rule", "CONTINUOUS_10 is always of the rule run."),
        ("CONTINUOUS_10", RUN | {"flags": ["TALL"]}, "/thresholds/CONTINUOUS_10/flags/0", "There is no flag TALL."),
        ("AT_RISK", RATE | {"flags": ["TALL"]}, "/thresholds/AT_RISK/flags/0", "There is no flag TALL."),
        (
            "PN_10_IN_10", {"reading": "school_days"}, "/thresholds/PN_10_IN_10/days",
            "A window of school days, and no other, says how many.",
        ),
        (
            "PN_10_IN_10", {"days": 1}, "/thresholds/PN_10_IN_10/days",
            "A window of school days, and no other, says how many.",
        ),
        (
            "SCHOOL_TARGET", TARGETS | {"part": 1}, "/thresholds/SCHOOL_TARGET",
            "SCHOOL_TARGET has targets, and no line for all schools.",
        ),
        (
            "SCHOOL_TARGET", TARGETS | {"of": 1}, "/thresholds/SCHOOL_TARGET",
            "SCHOOL_TARGET has targets, and no line for all schools.",
        ),
        (
            "SCHOOL_TARGET", TARGETS | {"targets": {"0": "95"}}, "/thresholds/SCHOOL_TARGET/targets/0",
            "A school is named by its URN.",
        ),
        (
            "SCHOOL_TARGET", TARGETS | {"targets": {"1~/2": "95"}}, "/thresholds/SCHOOL_TARGET/targets/1~0~12",
            "A school is named by its URN.",
        ),
        (
            "SCHOOL_TARGET", RATE, "/thresholds/SCHOOL_TARGET/targets",
            "SCHOOL_TARGET says each school's target (or {}).",
        ),
        ("AT_RISK", RATE | {"targets": {}}, "/thresholds/AT_RISK/targets", "Only SCHOOL_TARGET has targets."),
        (
            "AT_RISK", RATE | {"part": 21}, "/thresholds/AT_RISK/of",
            "The line is `part` of `of` sessions; a part is at least one and at most the whole.",
        ),
        ("PA", {"strict": True}, "/thresholds/PA", "PA is one in `of`, reached and not exceeded, for all children."),
        ("SA", {"part": 2}, "/thresholds/SA", "SA is one in `of`, reached and not exceeded, for all children."),
        ("SA", {"flags": ["CIN"]}, "/thresholds/SA", "SA is one in `of`, reached and not exceeded, for all children."),
        ("CIN_CP_95", RATE, "/thresholds/CIN_CP_95/flags", "CIN_CP_95 says which flags it is for."),
        (
            "SICKNESS_15", TALLY | {"unsettled_codes": ["N"]}, "/thresholds/SICKNESS_15/unsettled_codes",
            "A tally is firm at once: it has none.",
        ),
        (
            "CONTINUOUS_10", RUN | {"codes": ["O", "D", "??"]}, "/thresholds/CONTINUOUS_10/codes/2",
            "?? is no code of a possible session.",
        ),
        (
            "CONTINUOUS_10", RUN | {"unsettled_codes": ["N", "I"]}, "/thresholds/CONTINUOUS_10/unsettled_codes/1",
            "I is not among the codes that count.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_threshold_is_said_word_by_word(
    kind: str, said: dict[str, Any], pointer: str, words: str
) -> None:
    assert (pointer, words) in faults(with_threshold(kind, **said))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("SCHOOL_TARGET", TARGETS),
        ("SCHOOL_TARGET", TARGETS | {"targets": {}}),
        ("AT_RISK", RATE | {"part": 20}),
        ("AT_RISK", RATE | {"strict": True, "flags": ["CIN"]}),
        ("PN_10_IN_10", {"reading": "school_days", "days": 1}),
        ("CIN_CP_95", RATE | {"flags": ["CIN", "YOUTH_JUSTICE"]}),
    ],
)
def test_what_just_is_a_threshold_is_taken(kind: str, said: dict[str, Any]) -> None:
    assert read(with_threshold(kind, **said)).thresholds[kind]


def band(name: str, **bound: str) -> dict[str, str]:
    return {"name": name, **bound}


ZERO = band("rest", attendance_from="0")


@pytest.mark.parametrize(
    ("bands", "found"),
    [
        ([band("a", attendance_from="90"), ZERO], []),
        ([band("a", attendance_above="90"), ZERO], []),
        ([], []),
        (
            [band("a", attendance_from="90", attendance_above="80"), ZERO],
            [("/bands/0", "A band says either `attendance_from` or `attendance_above`.")],
        ),
        (
            [band("a", attendance_from="90"), band("b", attendance_from="90"), ZERO],
            [("/bands/1", "Each band begins below the one before it.")],
        ),
        (
            [band("a", attendance_from="90"), band("b", attendance_from="1")],
            [("/bands/1", "The last band begins at 0.")],
        ),
        ([band("a", attendance_above="0")], [("/bands/0", "The last band begins at 0.")]),
        ([band("rest", attendance_from="90"), ZERO], [("/bands", "Two bands have one name.")]),
    ],
)
def test_bands_go_down_to_nothing_without_a_gap(bands: list[dict[str, str]], found: list[tuple[str, str]]) -> None:
    document = written(policies()[0]) | {"bands": bands}
    if found:
        assert faults(document) == found
    else:
        assert [one.name for one in read(document).bands] == [one["name"] for one in bands]


def test_what_a_policy_lacks_is_said_word_by_word() -> None:
    document = written(policies()[0]) | {"stages": {"a/b": {"task": "x", "due_open_days": 1}}}
    document["thresholds"] = {kind: rule for kind, rule in document["thresholds"].items() if kind not in ("PA", "SA")}
    with pytest.raises(PolicyError) as raised:
        read(document)
    assert str(raised.value).startswith(
        "/thresholds: There is no PA; every policy has one.; /thresholds: There is no SA; every policy has one.; "
        "/stages/"
    )
    assert raised.value.faults[2:][-1] == ("/stages/a~1b", "This policy has no such threshold.")


def test_a_part_of_a_pattern_may_be_the_whole() -> None:
    patterns = {"half_day": {"part": 2, "of": 2}, "sudden_change": {"part": 5, "of": 4}}
    assert faults(written(policies()[0]) | {"patterns": patterns}) == [
        ("/patterns/sudden_change/part", "A part is at most the whole."),
    ]


def test_versions_of_one_day_are_ordered_by_their_numbers_and_words_come_before_numbers() -> None:
    names = ["a-1.10", "a-2", "a-1.9", "a-1.b", "a-1"]
    versions = [read(written(policies()[0]) | {"version": name}) for name in names]
    assert [one.version for one in sorted(versions, key=in_order)] == ["a-1", "a-1.b", "a-1.9", "a-1.10", "a-2"]


def test_a_band_reaches_down_to_its_bound_and_with_it_or_not() -> None:
    from_, above = Band("a", attendance_from="90.5"), Band("a", attendance_above="90.5")
    assert [from_.holds(attended, 1000) for attended in (904, 905, 906)] == [False, True, True]
    assert [above.holds(attended, 1000) for attended in (904, 905, 906)] == [False, False, True]
    assert Band("rest", attendance_from="0").holds(0, 5)


def test_what_a_rule_leaves_out_is_no_line_school_weeks_and_a_task_once_firm() -> None:
    rate = Rate(minimum_possible=1, recovery_sessions=1)
    assert (rate.part, rate.of, rate.strict, rate.flags, rate.targets) == (0, 0, False, (), None)
    assert Window(sessions=1, codes=("O",), compulsory_age=True, weeks=1, spendable=True).reading == "school_weeks"
    assert Stage(task="visit", due_open_days=1).while_provisional is False
    assert Band("all").holds(0, 10)
