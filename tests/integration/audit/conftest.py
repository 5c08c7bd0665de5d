"""A stopped product with a little of everything in it, on a PostgreSQL that tests may write to."""

from collections.abc import Iterator

import httpx
import pytest
from rollcall.folder import Folder
from rollcall.postgres import Postgres

from tests.e2e import school
from tests.e2e.product import embedded
from tests.unit.audit.children import SESSIONS

MAIN, OTHER, THIRD = 100001, 100002, 100003
TODAY = "2025-12-01"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the database server of a product that was used and then stopped."""
    path = tmp_path_factory.mktemp("audited")
    with embedded(path, TODAY) as product:
        with product.client() as client:
            pupils = fill(client)
            product.audited()  # tasks and letters are there by now
            take_back(client, pupils["recovered"])
        product.audited()
    server = Postgres(Folder(path).postgres)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def take_back(client: httpx.Client, pupil_id: str) -> None:
    """Corrects a mark without which there is no firm episode."""
    day, half = SESSIONS[39]
    school.put_register(client, MAIN, day.isoformat(), half, {pupil_id: "V"})


def fill(client: httpx.Client) -> dict[str, str]:
    """Two schools; children with each kind of episode, one reversed; marks that wait; a merge. Pupils by local id."""
    days = sorted({day.isoformat() for day, _ in SESSIONS if day.year == 2025})
    parent = [school.contact("c1")]
    for urn in (MAIN, OTHER):
        school.put_school(client, urn)
        school.put_calendar(client, urn, days)
    codes = {
        "ill": "/" * 40 + "I" * 10,
        "away": "/" * 20 + "G" * 10 + "/" * 20,
        "corrected": "/" * 18 + "II",
        "early": "O",
        "recovered": "/" * 36 + "IIII",
    }
    pupils = school.put_roll(client, MAIN, [school.pupil(name, contacts=parent) for name in codes])
    for number, (day, half) in enumerate(SESSIONS[:50]):
        marks = {pupils[name]: own[number] for name, own in codes.items() if number < len(own)}
        school.put_register(client, MAIN, day.isoformat(), half, marks)
    last_day, last_half = SESSIONS[19]
    school.put_register(client, MAIN, last_day.isoformat(), last_half, {pupils["corrected"]: "V"})
    school.put_register(client, MAIN, last_day.isoformat(), last_half, {pupils["ill"]: "H"})
    unknown = {"marks": [{"local_id": "nobody", "code": "/"}]}
    school.ok(client.put(f"/v1/schools/{MAIN}/registers/{last_day}/{last_half}", json=unknown))
    number = school.upn(77)
    school.put_roll(client, OTHER, [school.pupil("x", upn=number)])
    home = {"local_id": "c", "name": "Robin", "lives_with_pupil": True, "address": {"lines": ["1 High Street"]}}
    guest = school.put_roll(client, MAIN, [school.pupil("guest", flags=["FSM"], contacts=[home])])
    looked_after = {"flag": "CLA", "from": "2025-09-03", "to": None, "source": "social-care"}
    school.ok(client.put(f"/v1/pupils/{guest['guest']}/flags", json={"flags": [looked_after]}))
    school.put_register(client, MAIN, last_day.isoformat(), last_half, {guest["guest"]: "O"})
    school.put_roll(client, MAIN, [school.pupil("guest", upn=number)])
    convert(client, days)
    return pupils


def convert(client: httpx.Client, days: list[str]) -> None:
    """A third school of another authority, with a staggered day after all, is taken over by the second."""
    school.put_school(client, THIRD)
    school.put_calendar(client, THIRD, days)
    rows = [school.pupil(f"t{group}", year_group=group) for group in (7, 8)]
    children = school.put_roll(client, THIRD, rows)
    for day in days[:4]:
        school.put_register(client, THIRD, day, "AM", dict.fromkeys(children.values(), "/"))
    staggered = [{"date": day, "sessions": ["AM", "PM"]} for day in days[1:]]
    staggered.insert(0, {"date": days[0], "sessions": ["AM"], "year_groups": [7]})
    school.ok(client.put(f"/v1/schools/{THIRD}/calendars/2025-26", json={"days": staggered}))
    facts = {"name": "Third", "la_code": "333", "la_from": days[2], "laestab": "3332001", "phase": "primary"}
    school.ok(client.put(f"/v1/schools/{THIRD}", json=facts))
    conversion = {"successor_urn": OTHER, "on": days[2]}
    assert school.ok(client.post(f"/v1/schools/{THIRD}/conversion", json=conversion))["pupils"] == 2
    school.put_register(client, OTHER, days[2], "PM", dict.fromkeys(children.values(), "/"))
