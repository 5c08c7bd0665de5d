"""Compulsory school age (rule book 8.6, 8.7): outside it no episode opens, and no session counts to a penalty."""

from datetime import date, timedelta

from absence_engine.domain.ticks import NEVER, tick_of


def birthday(born: date, age: int) -> date:
    """The day on which somebody reaches an age; who was born on 29 February does so on 1 March in other years."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def first_day(born: date) -> date:
    """The prescribed day (31 March, 31 August, 31 December) on or next after the fifth birthday."""
    fifth = birthday(born, 5)
    prescribed = [date(fifth.year, 3, 31), date(fifth.year, 8, 31), date(fifth.year, 12, 31)]
    return next(day for day in prescribed if day >= fifth)


def last_day(born: date) -> date:
    """The last Friday in June of the school year (to 31 August) in which the child turns 16; it still belongs to it."""
    sixteenth = birthday(born, 16)
    year = sixteenth.year if sixteenth <= date(sixteenth.year, 8, 31) else sixteenth.year + 1
    end_of_june = date(year, 6, 30)
    return end_of_june - timedelta((end_of_june.weekday() - 4) % 7)


def compulsory(born: date | None) -> tuple[int, int]:
    """First and last tick of compulsory school age; all of time when the date of birth is not known."""
    if born is None:
        return 0, NEVER
    return tick_of(first_day(born)), tick_of(last_day(born), 1)
