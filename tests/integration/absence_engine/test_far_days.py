"""Days and years at the ends of the calendar, in every parameter of every question: an answer or a problem, no failure.

The child has a stay that begins on the first day that there is and ends on the last.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import pytest

from tests.integration.absence_engine.ledgers import Engine
from tests.integration.absence_engine.test_answers import ANN, DAYS, URN, Asker, asker, play, school

__all__ = ["asker"]

YEARS = ("0000-01", "0001-02", "1899-00", "1900-01", "2200-01", "2201-02", "9998-99", "9999-00", "2025-26")
FAR = ("0001-01-01", "0001-07-31", "1899-12-31", "1900-01-01", "2200-12-31", "2201-01-01", "9999-08-01", "9999-12-31")
MOMENTS = (
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2262-04-12T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
)


class Get(NamedTuple):
    path: str
    query: dict[str, str]


def values_of(parameter: dict[str, Any]) -> tuple[str, ...]:
    """The far values of a parameter; none where it is no day, year or moment."""
    if parameter["in"] != "query":
        return ()
    if parameter["name"] == "academic_year":
        return YEARS
    schema = parameter["schema"]
    forms = {one.get("format") for one in (schema, *schema.get("anyOf", ()))}
    return FAR if "date" in forms else MOMENTS if "date-time" in forms else ()


def questions(document: dict[str, Any], ids: dict[str, str]) -> Iterator[Get]:
    """Each question about far days: one parameter at a time, and the two ends of a span together."""
    for template, operations in document["paths"].items():
        get = operations.get("get")
        if get is None or not template.startswith("/v1/") or get["operationId"] not in ANSWERED:
            continue
        path = template.format(**ids)
        far = {one["name"]: values_of(one) for one in get["parameters"] if values_of(one)}
        needed = ANSWERED[get["operationId"]]
        for name, values in far.items():
            for value in values:
                yield Get(path, needed | {name: value})
        for first, last in (("from", "to"), ("since", "until")):
            for one in far.get(first, ()):
                for other in far.get(last, ()):
                    yield Get(path, needed | {first: one, last: other})


SINCE = {"since": "2025-09-01T00:00:00Z"}
ANSWERED: dict[str, dict[str, str]] = {
    "getPupilAbsence": {},
    "listEpisodes": {},
    "getEpisode": {"history": "true"},
    "getSchoolAbsence": {},
    "getAreaAbsence": {},
    "getPupilChanges": SINCE,
    "listChangedMarks": SINCE,
    "getAbsence": {"school_urn": str(URN), "group_by": "year_group,half_term"},
    "getProjection": {},
    "getPupilPatterns": {},
    "getDfeExport": {},
}
"""The questions with days in them, and what each needs besides."""


async def test_no_far_day_is_a_failure(engine: Engine, asker: Asker) -> None:
    ledger = school(URN)
    ledger.enrol(ANN, from_="0001-01-01", to="9999-12-31")
    ledger.facts(ANN, "2014-03-09")
    play(ledger, ANN, "I" * 6 + "/" * 6)
    await engine.take(ledger.entries)
    (episode, *_) = (await asker.get(f"/v1/pupils/{ANN}/episodes"))["items"]
    document = (await asker.client.get("/openapi.json")).json()
    ids = {"pupil_id": ANN, "episode_id": episode["episode_id"], "urn": str(URN), "la_code": "330"}
    asked = list(questions(document, ids))
    assert len(asked) > 200
    wrong: list[str] = []
    for path, query in asked:
        try:
            answer = await asker.client.get(path, params=query)
        except Exception as error:  # what the application does not catch is what is looked for
            wrong.append(f"{path} {query}: {error!r}")
        else:
            if answer.status_code not in (200, 404, 422):
                wrong.append(f"{path} {query}: {answer.status_code}")
    assert wrong == []


async def test_days_of_all_questions_are_looked_for(asker: Asker) -> None:
    document = (await asker.client.get("/openapi.json")).json()
    with_days = {
        get["operationId"]
        for operations in document["paths"].values()
        if (get := operations.get("get")) and any(values_of(one) for one in get.get("parameters", ()))
    }
    assert with_days == ANSWERED.keys()


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1, 8, 1), date(9999, 12, 31)])
async def test_a_mark_at_the_end_of_the_calendar_stops_nothing(engine: Engine, asker: Asker, day: date) -> None:
    ledger = school(URN)
    ledger.enrol(ANN, from_="0001-01-01", to="9999-12-31")
    ledger.marks(day, "AM", {ANN: "O"})
    ledger.marks(DAYS[0], "AM", {ANN: "/"})
    await engine.take(ledger.entries)
    found = await asker.get(f"/v1/pupils/{ANN}/absence", academic_year="2025-26")
    assert found["child"]["possible"] == 1
    for path in (f"/v1/pupils/{ANN}/changes", f"/v1/schools/{URN}/changed-marks"):
        await asker.get(path, since="1990-01-01T00:00:00Z")
    await asker.get(f"/v1/pupils/{ANN}/absence", as_known_on="2025-10-01T12:00:00Z")
