"""Sheets as their rows hold them: nothing is lost, and little is taken."""

from random import Random

import pytest
from absence_engine.store.packing import pack, unpack
from audit.read.engine import unpacked
from common.academic import GRID
from common.codes import code_table
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = [0, *(code.number for code in code_table().values())]
USUAL = [0, code_table()["/"].number, code_table()["\\"].number]
YEAR = bytes([*USUAL[1:]] * 190).ljust(GRID, b"\0")


@st.composite
def sheets(draw: st.DrawFn) -> bytes:
    """Any codes, more or less of them unusual ones."""
    chance, share = Random(draw(st.integers(0, 2**32))), draw(st.sampled_from([0, 0.05, 0.7, 0.75, 1]))
    return bytes(chance.choice(NUMBERS if chance.random() < share else USUAL) for _ in range(GRID))


@given(st.lists(sheets(), max_size=5))
def test_sheets_come_out_of_their_rows_as_they_were(given_sheets: list[bytes]) -> None:
    rows = pack(given_sheets)
    assert unpack(rows) == given_sheets
    assert [unpacked(row) for row in rows] == given_sheets  # the audit's own reading
    assert all(GRID // 4 <= len(row) <= GRID for row in rows)


@pytest.mark.parametrize(
    ("sheet", "taken"),
    [
        (bytes(GRID), 183),
        (YEAR, 183),
        (YEAR.replace(bytes(USUAL[1:]), bytes([5, 6]), 10), 203),
        (bytes([5]) * 548 + bytes(184), 731),
        (bytes([5]) * 549 + bytes(183), 732),
        (bytes([5]) * 732, 732),
    ],
)
def test_a_row_takes_two_bits_a_place_and_a_byte_for_an_unusual_code_but_never_more_than_a_byte_a_place(
    sheet: bytes, taken: int
) -> None:
    (row,) = pack([sheet])
    assert len(row) == taken
    assert unpack([row]) == [sheet]


def test_rows_of_an_earlier_version_are_read_among_the_others() -> None:
    others = [YEAR, bytes([7, 8, 9]) * 244]
    assert unpack([YEAR, *pack(others), YEAR]) == [YEAR, *others, YEAR]
