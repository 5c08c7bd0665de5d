"""Unique pupil numbers (rule book 9): shape, check letter, and whether one is temporary."""

import re

LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
"""The 23 letters a UPN may hold; a letter's place here is its value. I, O and S are not among them."""

_SHAPE = re.compile(rf"[{LETTERS}][0-9]{{11}}[0-9{LETTERS}]")
_VALUES = {sign: place for place, sign in enumerate(LETTERS)} | {str(digit): digit for digit in range(10)}
_WEIGHED = [{sign: value * weight for sign, value in _VALUES.items()} for weight in range(2, 14)]
"""What each sign adds to the sum, by its place behind the first letter: a roll has thousands of UPNs."""


def is_upn(text: str) -> bool:
    """Whether `text` has the shape of a UPN and its first letter is the check letter of the other twelve characters.

    Weights 2 to 13 on characters 2 to 13, summed modulo 23; the last letter of a temporary UPN counts by its place.
    """
    if not _SHAPE.fullmatch(text):
        return False
    return LETTERS[sum([adds[sign] for adds, sign in zip(_WEIGHED, text[1:], strict=True)]) % 23] == text[0]


def is_temporary(upn: str) -> bool:
    """Whether a UPN was given by a school for the time being: it ends in a letter."""
    return not upn[-1].isdigit()
