"""What stood before: packed and read again, it says what was known at any moment."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from absence_engine.domain.history import (
    Changes,
    Packed,
    as_known,
    codes_after,
    in_order,
    millis,
    moment_of,
    pack,
    unpack,
)
from absence_engine.domain.records import SheetKey
from common.academic import GRID
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
    corrected = pack(KEYS, Changes(rows, same + 4, same + 1, same + 2, same + START))
    assert ([len(body) for body in corrected.days.values()], corrected.groups) == ([102], {})


@pytest.mark.parametrize("text", ["2025-09-01T08:00:00.123Z", "2025-09-01T09:00:00.123456+01:00"])
def test_a_time_is_whole_milliseconds(text: str) -> None:
    assert moment_of(millis(text)) == datetime(2025, 9, 1, 8, tzinfo=UTC) + timedelta(milliseconds=123)


def test_an_entry_without_a_time_that_can_be_read_was_always_known() -> None:
    assert [millis(text) for text in ("", "yesterday", "1969-12-31T00:00:00Z", "2025-09-01T08:00:00")] == [0] * 4
