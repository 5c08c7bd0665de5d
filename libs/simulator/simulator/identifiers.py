"""Identifiers of invented schools and pupils that have the right form (rule book 9).

Establishment numbers from 9001 and URNs from 900001 are far from those in use, so that no real school or child is
meant.
"""

CHECK_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
FIRST_URN = 900_001
FIRST_ESTABLISHMENT = 9_001


def urn_of(number: int) -> int:
    """The URN of the authority's school with this number, counted from 0."""
    return FIRST_URN + number


def laestab_of(la_code: str, number: int) -> str:
    """LA code and establishment number of the school with this number, counted from 0."""
    return f"{la_code}{FIRST_ESTABLISHMENT + number}"


def upn_of(laestab: str, year: int, serial: int) -> str:
    """The UPN that a school allots as its `serial`-th in a year; at most 1,000 a year.

    >>> upn_of("8012000", 2005, 1)
    'B801200005001'
    """
    if not 0 <= serial <= 999:
        raise ValueError(f"school {laestab} has no UPN left in {year}")
    digits = f"{laestab}{year % 100:02d}{serial:03d}"
    return check_letter(digits) + digits


def check_letter(digits: str) -> str:
    """The letter before the twelve digits: their sum weighted 2 to 13, modulo 23."""
    return CHECK_LETTERS[sum(int(digit) * weight for weight, digit in enumerate(digits, start=2)) % 23]
