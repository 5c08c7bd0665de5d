"""What a school publishes with its calendar: terms, days closed for a reason, public holidays, the times of its day."""

from tests.integration.registers.conftest import URN, Authority

CALENDAR = f"/v1/schools/{URN}/calendars/2025-26"
DAYS = [
    {"date": "2025-09-01", "sessions": [], "kind": "inset", "reason": "Staff training"},
    {"date": "2025-09-02", "sessions": ["AM", "PM"]},
]
TERMS = [{"name": "Autumn 1", "from": "2025-09-02", "to": "2025-10-24"}]
TIMES = [
    {"session": "AM", "registers_open": "08:40", "registers_close": "09:10", "ends": "12:00"},
    {"session": "AM", "year_group": 11, "registers_open": "08:20", "registers_close": "08:45", "ends": "12:00"},
    {"session": "PM", "registers_open": "13:00", "registers_close": "13:30", "ends": "15:10"},
]


async def test_the_holidays_of_a_year_are_published_as_soon_as_the_school_gives_them(authority: Authority) -> None:
    await authority.school()
    await authority.ask("PUT", CALENDAR, json={"days": DAYS, "terms": TERMS})
    told = await authority.ask("GET", CALENDAR)
    assert told["terms"] == TERMS
    closed = {day["date"]: (day["kind"], day["reason"]) for day in told["days"] if not day["sessions"]}
    assert closed == {"2025-09-01": ("inset", "Staff training")}
    holidays = {day["date"] for day in told["public_holidays"]}
    assert {"2025-12-25", "2025-12-26", "2026-01-01", "2026-04-03", "2026-05-04"} <= holidays


async def test_the_times_of_the_day_are_published_for_all_and_for_a_year_group(authority: Authority) -> None:
    await authority.school()
    await authority.ask("PUT", CALENDAR, json={"days": DAYS, "times": TIMES})
    told = (await authority.ask("GET", CALENDAR))["times"]
    by_line = {(one["session"], one.get("year_group")): one for one in told}
    assert by_line["AM", None]["registers_close"] == "09:10"
    assert (by_line["AM", 11]["registers_open"], by_line["AM", 11]["registers_close"]) == ("08:20", "08:45")
    assert by_line["PM", None]["ends"] == "15:10"
