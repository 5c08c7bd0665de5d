"""How a year of marks lies in its row (`docs/decisions/sheets.md`): two bits for each place, four places to a byte, the
first in the lowest bits: 0 no mark, 1 and 2 the codes / and \\, which nearly every mark has, 3 another one. Behind
these 183 bytes stand the numbers of the others, in order. Where that would not be shorter, the 732 numbers stand as
they are; so do those of a row that an earlier version has written, until its next mark.
"""

from collections.abc import Collection, Sequence

import numpy as np
from common.academic import GRID
from common.codes import code_table

PLACES = GRID // 4
USUAL = bytes([0, code_table()["/"].number, code_table()["\\"].number])
OTHER = 3
SPREAD = np.uint32(1 << 24 | 1 << 18 | 1 << 12 | 1 << 6)
"""Four bytes below 4, read as a number and multiplied by this, have their bits side by side in the highest byte."""

_kinds = bytes(USUAL.find(number) if number in USUAL else OTHER for number in range(256))
_fours = np.array([[n >> shift & 3 for shift in (0, 2, 4, 6)] for n in range(256)], np.uint8)
_numbers = np.frombuffer(USUAL + b"\xff", np.uint8)[_fours].view(np.uint32).reshape(256)


def pack(sheets: Sequence[bytes]) -> list[bytes]:
    """Rows of sheets of 732 code numbers."""
    kinds = np.frombuffer(b"".join(sheets).translate(_kinds), "<u4")
    bits = ((kinds * SPREAD) >> 24).astype(np.uint8).tobytes()
    ends = range(PLACES, len(bits) + 1, PLACES)
    packed = [bits[end - PLACES : end] + codes.translate(None, USUAL) for end, codes in zip(ends, sheets, strict=True)]
    return [row if len(row) < GRID else codes for row, codes in zip(packed, sheets, strict=True)]


def unpack(rows: Collection[bytes]) -> list[bytes]:
    """The 732 code numbers in each row."""
    packed = [row for row in rows if len(row) < GRID]
    if len(packed) < len(rows):
        codes = iter(unpack(packed))
        return [next(codes) if len(row) < GRID else row for row in rows]
    numbers = _numbers[np.frombuffer(b"".join([row[:PLACES] for row in rows]), np.uint8)].view(np.uint8)
    numbers[numbers == 0xFF] = np.frombuffer(b"".join([row[PLACES:] for row in rows]), np.uint8)
    whole = numbers.tobytes()
    return [whole[first : first + GRID] for first in range(0, len(whole), GRID)]
