"""What changed at a school, a portion at a time: portion by portion it is all that changed, once and in order."""

from datetime import date, timedelta

import numpy as np
from absence_engine.domain.history import (
    Changes,
    History,
    Packed,
    Portion,
    Turn,
    groups_in,
    next_days,
    pack,
    unpack,
)
from absence_engine.domain.records import Sheet
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.absence_engine.test_history import HOUR, KEYS, START, Entry, ledgers, replay

NOW = START + 99 * HOUR
SEPTEMBER = date(2025, 9, 1)
PLACE = (SEPTEMBER - date(2025, 8, 1)).days * 2
HERE = [row for row, key in enumerate(KEYS) if key[1:] == (1, 2025)]


def kept(entries: list[Entry]) -> tuple[History, list[tuple[date, bytes]]]:
    """The history of school 1, and its days as they are kept."""
    codes, changes = replay(entries)
    packed = pack(KEYS, changes)
    days = {key: body for key, body in packed.days.items() if key[0] == 1}
    sheets = [Sheet(*key, row.tobytes()) for key, row in zip(KEYS, codes, strict=True) if key[1] == 1]
    return History.of(sheets, Packed(days, packed.groups)), [(day, body) for (_, day), body in days.items()]


@given(entries=ledgers(), limit=st.integers(1, 4), corrections=st.booleans(), data=st.data())
def test_portion_by_portion_every_change_is_told_once(
    entries: list[Entry], limit: int, corrections: bool, data: st.DataObject
) -> None:
    history, days = kept(entries)
    moments = st.sampled_from([START - HOUR, *(entry.at for entry in entries), NOW])
    since, until = data.draw(moments), data.draw(moments)
    begin, told = Turn(since + 1, 0), list[int]()
    while True:
        portion = next_days(days, begin, until, limit, corrections=corrections)
        found = history.turns(begin, portion.upto or Turn(until + 1, 0)).tolist()
        told += [n for n in found if day_of(history, n) in portion.days]
        if portion.upto is None:
            break
        begin = portion.upto._replace(number=portion.upto.number + 1)
    wanted = history.between(since, until)
    if corrections:
        told = [n for n in told if not history.is_first()[n]]
        wanted = wanted[~history.is_first()[wanted]]
    assert told == wanted.tolist()


def day_of(history: History, n: int) -> date:
    return date.fromordinal(history.told(np.array([n]))[0].tick // 2)


def entry(number: int, at: int, day: int = 0, rows: list[int] = HERE[:1], code: int = 1) -> Entry:
    return Entry(number, START + at, PLACE + 2 * day, dict.fromkeys(rows, code))


def days_on(*numbers: int) -> frozenset[date]:
    return frozenset(SEPTEMBER + timedelta(n) for n in numbers)


def test_a_portion_is_the_days_of_the_earliest_records_and_where_it_ends() -> None:
    _, days = kept([entry(1, 0), entry(2, 5, 3), entry(3, 9, 1), entry(4, 9, 2, HERE)])
    assert next_days(days, Turn(0, 0), NOW, 2, corrections=False) == Portion(days_on(0, 3), Turn(START + 5, 2))
    assert next_days(days, Turn(START + 5, 2), NOW, 2, corrections=False) == Portion(days_on(3, 1), Turn(START + 9, 3))
    assert next_days(days, Turn(START + 5, 3), NOW, 2, corrections=False) == Portion(days_on(1, 2), None)
    assert next_days(days, Turn(START + 9, 4), NOW, 2, corrections=False) == Portion(days_on(2), None)
    assert next_days(days, Turn(0, 0), START + 5, 2, corrections=False) == Portion(days_on(0, 3), None)
    for corrections in (False, True):
        assert next_days([], Turn(0, 0), NOW, 2, corrections=corrections) == Portion(frozenset(), None)


def test_corrections_are_marks_that_were_not_the_first_of_their_session() -> None:
    pair = HERE[:2]
    _, days = kept(
        [entry(1, 0, 0, pair), entry(2, 1, 1, pair), entry(3, 2, 1, pair[:1], 5), entry(4, 3, 2, pair),
         entry(5, 4, 1, pair[:1], 0), entry(6, 5, 1, pair[:1], 1)]
    )  # fmt: skip
    assert next_days(days, Turn(0, 0), NOW, 9, corrections=True).days == days_on(1)
    assert next_days(days, Turn(START + 4, 6), NOW, 9, corrections=True).days == days_on(1)  # again after a deletion
    assert next_days(days, Turn(0, 0), START + 1, 9, corrections=True).days == days_on()
    assert next_days(days, Turn(0, 0), NOW, 1, corrections=True).upto == Turn(START + 2, 3)


def test_corrections_are_told_apart_by_year_as_well() -> None:
    last_year = next(row for row, key in enumerate(KEYS) if key[1:] == (1, 2024))
    _, days = kept([entry(1, 0), entry(2, 1, code=5), Entry(3, START + 2, PLACE, {last_year: 1})])
    assert next_days(days, Turn(0, 0), NOW, 9, corrections=True).days == days_on(0)


def test_what_is_told_of_a_school_from_one_turn_to_another_includes_both() -> None:
    history, _ = kept([entry(number, at, number) for number, at in ((1, 0), (2, 5), (3, 5), (4, 5), (5, 9))])
    told = [
        [one.number for one in history.told(history.turns(Turn(START + a, m), Turn(START + b, n)))]
        for a, m, b, n in ((0, 1, 9, 5), (0, 2, 9, 4), (5, 3, 5, 3), (5, 0, 5, 3), (1, 9, 6, 0))
    ]
    assert told == [[1, 2, 3, 4, 5], [2, 3, 4], [3], [2, 3], [2, 3, 4]]


def test_an_entry_before_a_turn_is_not_told_even_if_its_number_is_higher() -> None:
    """A school's clock may go back."""
    history, _ = kept([entry(1, 5), entry(2, 4, 1), entry(3, 6, 2)])
    found = history.turns(Turn(START + 5, 1), Turn(START + 6, 3))
    assert [one.number for one in history.told(found)] == [1, 3]


def test_of_what_is_kept_of_a_school_only_what_is_asked_for_is_read() -> None:
    there = next(row for row, key in enumerate(KEYS) if key[1:] == (2, 2025))
    own = KEYS[there][0]
    _, changes = replay([entry(1, 0, 0, HERE), entry(2, 1, 1, HERE[:1]), Entry(1, START, PLACE, {there: 1})])
    packed = pack(KEYS, changes)
    assert own == KEYS[HERE[0]][0]
    two = unpack([KEYS[row] for row in HERE[3:5]], packed)
    assert [column.tolist() for column in two] == [[0, 1], [PLACE] * 2, [0, 0], [1, 1], [START] * 2]
    assert unpack([KEYS[there]], packed).place.tolist() == [PLACE]
    stranger = ("99999999-0000-4000-8000-000000000001", 1, 2025)
    assert len(unpack([stranger], packed).row) == 0
    alone = pack(KEYS, replay([entry(2, 1, 1, HERE[:1])])[1])
    assert len(unpack([stranger, KEYS[there]], alone).row) == 0


def test_the_groups_of_days_are_those_that_their_records_name() -> None:
    _, packed = kept([entry(1, 0, 0, HERE), entry(2, 1, 1, HERE[:1]), entry(3, 2, 2, HERE)])
    rows = np.array(HERE)
    changes = Changes(rows, rows * 0 + PLACE + 1, rows * 0, rows * 0 + 1, rows * 0 + START)
    ((_, whole),) = pack(KEYS, changes).groups
    found = groups_in(body for _, body in packed)
    assert whole in found
    assert len(found) == 2
    assert max(found) < 1 << 47


def test_sheets_as_counted_up_to_an_entry_of_each_school() -> None:
    other = next(row for row, key in enumerate(KEYS) if key[1:] == (2, 2025))
    entries = [entry(1, 0), entry(2, 1, code=5), Entry(1, START, 4, {other: 1}), Entry(2, START + 1, 4, {other: 5})]
    codes, changes = replay(entries)
    sheets = [Sheet(*KEYS[row], codes[row].tobytes()) for row in (HERE[0], other)]
    history = History.of(sheets, pack(KEYS, changes))

    def stood(numbers: dict[int, int]) -> list[int]:
        here, there = history.counted(numbers)
        return [here.codes[PLACE], there.codes[4]]

    assert stood({1: 0, 2: 1}) == [0, 1]
    assert stood({1: 1}) == [1, 5]
    assert stood({}) == [5, 5]


def test_what_is_kept_is_read_for_ever() -> None:
    """The bytes and the groups' numbers lie in tables."""
    rows, same = np.array(HERE), np.zeros(6, np.int64)
    at = same + (START + (7 << 32))
    several = pack(KEYS, Changes(rows, same + PLACE + 1, same, same + 70_000, at))
    one = pack(KEYS, Changes(rows[:1], same[:1] + PLACE, same[:1] + 31, same[:1] + 2, at[:1]))
    day = (1, SEPTEMBER)
    assert several.groups == {(1, 34_914_033_089_788): [KEYS[row][0] for row in HERE]}
    assert several.days == {day: bytes.fromhex("fc3c8a0e c19f 00 70110100 00444a04 a001")}
    assert one.days == {day: bytes.fromhex("4819ec8a 3d43 1f 02000000 00444a04 a001")}
