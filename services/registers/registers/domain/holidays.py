"""Public holidays in England: those that the Banking and Financial Dealings Act 1971 and custom fix by rule, and those
that a proclamation added or moved.
"""

from datetime import date, timedelta

MONDAY, SATURDAY = 0, 5

MOVED = {
    (2002, "Spring bank holiday"): date(2002, 6, 4),
    (2012, "Spring bank holiday"): date(2012, 6, 4),
    (2020, "Early May bank holiday"): date(2020, 5, 8),
    (2022, "Spring bank holiday"): date(2022, 6, 2),
}
ADDED = {
    date(2002, 6, 3): "Golden Jubilee bank holiday",
    date(2011, 4, 29): "Wedding of Prince William and Catherine Middleton",
    date(2012, 6, 5): "Diamond Jubilee bank holiday",
    date(2022, 6, 3): "Platinum Jubilee bank holiday",
    date(2022, 9, 19): "State Funeral of Queen Elizabeth II",
    date(2023, 5, 8): "Coronation of King Charles III",
}


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar."""
    golden, century = year % 19, year // 100
    epact = (19 * golden + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    moon = epact - (epact // 28) * (1 - (29 // (epact + 1)) * ((21 - golden) // 11))
    offset = moon - (year + year // 4 + moon + 2 - century + century // 4) % 7
    return date(year, 3, 28) + timedelta(offset)


def in_academic_year(year: int) -> list[tuple[date, str]]:
    """The public holidays from 1 August of a year to 31 July of the next, in order, with their names."""
    found = [holiday for calendar_year in (year, year + 1) for holiday in _of(calendar_year)]
    return sorted((day, name) for day, name in found if date(year, 8, 1) <= day <= date(year + 1, 7, 31))


def _of(year: int) -> list[tuple[date, str]]:
    christmas, boxing = _weekday(date(year, 12, 25)), _weekday(date(year, 12, 26))
    if boxing == christmas and date(year, 12, 25).weekday() == SATURDAY:
        boxing += timedelta(1)
    elif boxing == christmas:  # a Sunday: Boxing Day keeps its own Monday
        christmas += timedelta(1)
    sunday = easter(year)
    fixed = [
        (_weekday(date(year, 1, 1)), "New Year's Day"),
        (sunday - timedelta(2), "Good Friday"),
        (sunday + timedelta(1), "Easter Monday"),
        (_monday(date(year, 5, 1)), "Early May bank holiday"),
        (_monday(date(year, 5, 25)), "Spring bank holiday"),
        (_monday(date(year, 8, 25)), "Summer bank holiday"),
        (christmas, "Christmas Day"),
        (boxing, "Boxing Day"),
    ]
    added = [(day, name) for day, name in ADDED.items() if day.year == year]
    return [(MOVED.get((year, name), day), name) for day, name in fixed] + added


def _monday(first: date) -> date:
    """The first Monday from a day on."""
    return first + timedelta((MONDAY - first.weekday()) % 7)


def _weekday(day: date) -> date:
    """The day itself, or the Monday after a weekend."""
    return _monday(day) if day.weekday() >= SATURDAY else day
