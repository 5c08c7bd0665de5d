"""What stood before: packed and read again, it says what was known at any moment."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from absence_engine.domain.history import (
    Changes,
    History,
    MarkChange,
    Packed,
    as_known,
    codes_after,
    in_order,
    millis,
    moment_of,
    pack,
    unpack,
)
from absence_engine.domain.records import Sheet, SheetKey
from absence_engine.domain.reversal import NO_MARK_DID, sentence
from common.academic import GRID
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st

KEYS: list[SheetKey] = [
    (f"00000000-0000-4000-8000-{pupil:012d}", urn, year)
    for urn in (1, 2)
    for year in (2024, 2025)
    for pupil in range(6)
]
START = millis("2025-09-01T08:00:00.000Z")
HOUR = 3_600_000


class Entry(NamedTuple):
    """Marks of one session, by sheet."""

    number: int
    at: int
    place: int
    marks: dict[int, int]


@st.composite
def ledgers(draw: st.DrawFn) -> list[Entry]:
    """Entries of two schools, with the marks that change, as ledgers have them; the clock of a school's entries may
    stand still, and go back.
    """
    found: list[Entry] = []
    stands: dict[tuple[int, int], int] = {}
    for urn in (1, 2):
        at = START
        for number in range(1, draw(st.integers(0, 9)) + 1):
            at += draw(st.sampled_from([HOUR, HOUR, 1, 0, -2]))
            year = draw(st.sampled_from([2024, 2025, 2025]))
            rows = [row for row, key in enumerate(KEYS) if key[1:] == (urn, year)]
            marks = draw(st.dictionaries(st.sampled_from(rows), st.sampled_from([0, 1, 1, 1, 5]), min_size=1))
            if draw(st.booleans()):
                marks = dict.fromkeys(rows, 1) | marks
            place = draw(st.sampled_from([0, 1, 1, 2, 729]))
            marks = {row: code for row, code in marks.items() if stands.get((row, place), 0) != code}
            stands |= {(row, place): code for row, code in marks.items()}
            found.append(Entry(number, at, place, marks))
    return found


def replay(entries: Sequence[Entry], before: np.ndarray | None = None) -> tuple[np.ndarray, Changes]:
    """The sheets after some entries, applied one by one, and what they changed."""
    codes = np.zeros((len(KEYS), GRID), np.uint8) if before is None else before.copy()
    found: list[tuple[int, int, int, int, int]] = []
    for entry in entries:
        for row, code in entry.marks.items():
            if codes[row, entry.place] != code:
                found.append((row, entry.place, int(codes[row, entry.place]), entry.number, entry.at))
                codes[row, entry.place] = code
    return codes, Changes(*np.array(found, np.int64).reshape(-1, 5).T)


def appended(kept: Packed, new: Packed) -> Packed:
    """As the tables do it."""
    return Packed(
        kept.days | {key: kept.days.get(key, b"") + body for key, body in new.days.items()},
        kept.groups | new.groups,
    )


@given(entries=ledgers(), cuts=st.lists(st.integers(0, 18), max_size=3))
def test_sheets_as_known_at_any_moment_are_a_replay_up_to_it(entries: list[Entry], cuts: list[int]) -> None:
    kept, codes = Packed({}, {}), np.zeros((len(KEYS), GRID), np.uint8)
    bounds = [0, *sorted(cuts), len(entries)]
    for begin, end in pairwise(bounds):
        codes, changes = replay(entries[begin:end], codes)
        kept = appended(kept, pack(KEYS, changes))
    found = in_order(unpack(KEYS, kept))
    for at in sorted({START - 1, *(entry.at + step for entry in entries for step in (-1, 0, 1))}):
        wanted, _ = replay([entry for entry in entries if entry.at <= at])
        assert (as_known(codes, found, at) == wanted).all()


@given(entries=ledgers())
def test_each_change_says_what_stood_before_and_after(entries: list[Entry]) -> None:
    codes, changes = replay(entries)
    found = in_order(unpack(KEYS, pack(KEYS, changes)))
    wanted = in_order(changes)
    assert [column.tolist() for column in found] == [column.tolist() for column in wanted]
    after = {(entry.number, row, entry.place): code for entry in entries for row, code in entry.marks.items()}
    said = codes_after(codes, found)
    for row, place, number, code in zip(found.row, found.place, found.number, said, strict=True):
        assert after[int(number), int(row), int(place)] == code


def test_a_register_of_many_is_kept_as_one_and_all_else_mark_by_mark() -> None:
    rows = np.arange(6)
    same = np.zeros(6, np.int64)
    first = pack(KEYS, Changes(rows, same + 4, same, same + 1, same + START))
    assert [len(body) for body in first.days.values()] == [17]
    assert [len(pupils) for pupils in first.groups.values()] == [6]
    again = pack(KEYS, Changes(rows, same + 5, same, same + 2, same + START))
    assert first.groups == again.groups
    other = pack(KEYS, Changes(rows[1:], same[1:] + 5, same[1:], same[1:] + 2, same[1:] + START))
    assert first.groups.keys().isdisjoint(other.groups)
    few = pack(KEYS, Changes(rows[:3], same[:3] + 5, same[:3], same[:3] + 2, same[:3] + START))
    assert ([len(body) for body in few.days.values()], few.groups) == ([51], {})
    four = pack(KEYS, Changes(rows[:4], same[:4] + 5, same[:4], same[:4] + 2, same[:4] + START))
    assert [len(body) for body in four.days.values()] == [17]
    corrected = pack(KEYS, Changes(rows, same + 4, same + 1, same + 2, same + START))
    assert ([len(body) for body in corrected.days.values()], corrected.groups) == ([102], {})


@pytest.mark.parametrize("text", ["2025-09-01T08:00:00.123Z", "2025-09-01T09:00:00.123456+01:00"])
def test_a_time_is_whole_milliseconds(text: str) -> None:
    moment = datetime(2025, 9, 1, 8, tzinfo=UTC) + timedelta(milliseconds=123)
    assert moment_of(millis(text)) == moment
    assert millis(moment + timedelta(microseconds=999)) == millis(text)


@given(entries=ledgers(), data=st.data())
def test_what_changed_between_two_moments_comes_in_time_order(entries: list[Entry], data: st.DataObject) -> None:
    codes, changes = replay(entries)
    sheets = [Sheet(*key, row.tobytes()) for key, row in zip(KEYS, codes, strict=True)]
    found = History.of(sheets, pack(KEYS, changes))
    moments = st.sampled_from([START - HOUR, *(entry.at for entry in entries), START + 99 * HOUR])
    since, until = data.draw(moments), data.draw(moments)
    told = found.told(found.between(since, until))
    wanted = sum(len(entry.marks) for entry in entries if since < entry.at <= until)
    assert [(one.at, one.urn, one.number) for one in told] == sorted((one.at, one.urn, one.number) for one in told)
    assert len(told) == len({(one.pupil_id, one.urn, one.number) for one in told}) == wanted
    firsts = found.told(np.flatnonzero(found.is_first()))
    places = [(one.pupil_id, one.urn, one.tick) for one in found.told(np.arange(len(found.after)))]
    assert len(firsts) == len(set(places))
    assert all(one.before == 0 for one in firsts)
    assert [sheet.codes for sheet in found.known(START - HOUR)] == [bytes(GRID)] * len(KEYS)
    assert found.known(START + 99 * HOUR) == tuple(sheets)


def test_no_history_is_none() -> None:
    found = History.of([], Packed({}, {}))
    assert (found.known(START), found.told(found.between(0, START))) == ((), [])
    assert pack(KEYS, Changes(*np.empty((5, 0), np.int64))) == Packed({}, {})


def change(tick: int, before: str, after: str, number: int = 7, urn: int = 100001) -> MarkChange:
    numbers = {None: 0} | {code.code: code.number for code in code_table().values()}
    return MarkChange("a pupil", urn, tick, numbers[before or None], numbers[after or None], number, START)


def test_a_reversal_is_told_in_plain_english() -> None:
    day = 2 * date(2025, 9, 12).toordinal()
    assert sentence(START, [change(day, "O", "I"), change(day + 1, "N", "")]) == (
        "On 1 September 2025 at 09:00, entry 7 of the ledger of school 100001 changed the morning of 12 September 2025 "
        "from O to I and the afternoon of 12 September 2025 from N to no mark. As the marks are known since, the "
        "threshold was never crossed."
    )
    many = sentence(START, [change(day + 2 * n, "", "/") for n in range(7)])
    assert "from no mark to /, the morning of 16 September 2025" in many
    assert many.count("the morning") == 5
    assert " and 2 more. As" in many
    five = sentence(START, [change(day + 2 * n, "", "/") for n in range(5)])
    assert five.endswith(
        ", the morning of 15 September 2025 from no mark to / and the morning of 16 September 2025 from no mark to /. "
        "As the marks are known since, the threshold was never crossed."
    )
    two = sentence(millis("2026-01-05T08:00:00Z"), [change(day, "O", "I"), change(day, "O", "I", 3, 100002)])
    assert two.startswith("On 5 January 2026 at 08:00, entry 7 of the ledger of school 100001 changed")
    assert "from O to I; entry 3 of the ledger of school 100002 changed" in two
    assert sentence(None, []) == sentence(START, []) == sentence(None, [change(day, "O", "I")]) == NO_MARK_DID
    assert NO_MARK_DID == (
        "No change of a mark took it back, but one of roll, calendar, date of birth, policy, or of who the child is."
    )
    assert "changed the morning of 12 September 2025 from O to I. As" in sentence(START, [change(day, "O", "I")])


def test_an_entry_without_a_time_that_can_be_read_was_always_known() -> None:
    assert [millis(text) for text in ("", "yesterday", "1969-12-31T00:00:00Z", "2025-09-01T08:00:00")] == [0] * 4
