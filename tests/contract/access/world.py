"""Two schools of two authorities, with as much in each as there can be, and the callers who ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from common.scopes import SCOPES
from rollcall import issuer

from tests.e2e import school
from tests.e2e.product import Product
from tests.fuzz.authority import DAYS as ALL_DAYS

DAYS = ALL_DAYS
CODES = "/" * 40 + "I" * 10
NOBODY = "00000000-0000-4000-8000-000000000000"
VERSION = "2026.1"


@dataclass(frozen=True)
class Row:
    """What there is of a school: one of each."""

    urn: int
    la_code: str
    pupil_id: str = NOBODY
    local_id: str = "nobody"
    notice_id: str = NOBODY
    episode_id: str = NOBODY
    task_id: str = NOBODY
    case_id: str = NOBODY
    letter_id: str = NOBODY
    job_id: str = NOBODY
    reconciliation_id: str = NOBODY
    simulation_id: str = NOBODY
    client_id: str = "access-nobody"

    @property
    def version(self) -> str:
        return f"{self.la_code}-{VERSION}"

    def path(self, template: str) -> str:
        """The path with what this row is called in it."""
        own = {name: getattr(self, name) for name in (*self.__dataclass_fields__, "version")}
        fixed = {"date": DAYS[0], "session": "AM", "academic_year": "2025-26"}
        return template.format(**own, **fixed)

    @property
    def traces(self) -> set[str]:
        """What would tell that something of it is in an answer."""
        return {str(self.urn), self.pupil_id} - {NOBODY}


OWN, OTHER, UNKNOWN = Row(710001, "710"), Row(720001, "720"), Row(730001, "730")
LIMITED = ("school", "authority")
"""Callers who see the school OWN and no other: by their token, and by the agreement with its authority's client."""


@dataclass(frozen=True)
class World:
    """`own`: of the school that the limited callers see; `child_outside`: of one of its children in no cohort."""

    product: Product
    own: Row
    other: Row
    child_outside: Row
    callers: dict[str, dict[str, str]]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.product.urls["registers"], timeout=60)


def tokens(product: Product) -> dict[str, dict[str, str]]:
    """The header of each caller."""
    keys = issuer.load(Path(product.audit_arguments[1]) / "issuer.json")
    everything = " ".join(SCOPES)

    def bearer(subject: str, scope: str = everything, schools: Sequence[int] | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {keys.sign(subject, scope, schools, 1800)}"}

    return {
        "nobody": {},
        "everybody": bearer("access-everybody"),
        "without-scope": bearer("access-none", ""),
        "administrator": bearer("access-admin", "admin"),
        "school": bearer("access-school", schools=[OWN.urn]),
        "authority": bearer("access-authority"),
        "cohort": bearer("access-cohort"),
        "revoked": bearer("access-revoked"),
    }


def agree(client: httpx.Client) -> None:
    """The agreements with the callers that have one."""
    everything = {
        "organisation": "Elm", "organisation_type": "other", "purposes": ["returns"], "agreement_from": "2025-09-01",
        "scopes": [*SCOPES],
    }  # fmt: skip
    limits: dict[str, dict[str, Any]] = {
        "authority": {"las": [OWN.la_code]}, "cohort": {"cohorts": ["CLA"]}, "revoked": {},
    }  # fmt: skip
    for name, limit in limits.items():
        school.ok(client.put(f"/v1/consumers/access-{name}", json=everything | limit))
    school.ok(client.delete("/v1/consumers/access-revoked"))


def furnish(product: Product) -> World:
    """Makes all that, and waits until tasks and letters have followed."""
    callers = tokens(product)
    with httpx.Client(base_url=product.urls["registers"], headers=callers["everybody"], timeout=60) as client:
        agree(client)
        rolls = {row.urn: put_school(client, row) for row in (OWN, OTHER)}
        product.audited()  # the barrier for tasks and letters
        makers = {OWN: callers["school"], OTHER: callers["everybody"]}
        own, other = (look_up(client, row, rolls[row.urn], maker) for row, maker in makers.items())
        outside = episode_of(client, replace(own, pupil_id=rolls[OWN.urn]["2"], local_id="2"))
    return World(product, own, other, outside, callers)


def put_school(client: httpx.Client, row: Row) -> dict[str, str]:
    """A school with two children who cross, of whom one is looked after; local id -> pupil id."""
    school.put_school(client, row.urn, la_code=row.la_code)
    school.put_calendar(client, row.urn, DAYS)
    rows = [school.pupil(name, contacts=[school.contact("c1")]) for name in ("1", "2")]
    roll = school.put_roll(client, row.urn, [rows[0] | {"flags": ["CLA"]}, rows[1]])
    for number, code in enumerate(CODES):
        half = ("AM", "PM")[number % 2]
        school.put_register(client, row.urn, DAYS[number // 2], half, dict.fromkeys(roll.values(), code))
    connection = {"kind": "csv", "state": "live", "contact_role": "data manager", "since": "2025-09-01"}
    school.ok(client.put(f"/v1/schools/{row.urn}/connection", json=connection))
    return roll


def look_up(client: httpx.Client, row: Row, roll: dict[str, str], maker: dict[str, str]) -> Row:
    """What there is of a school by now; what a caller makes is made by the `maker`."""
    told = {"local_id": "1", "given_by": {"local_id": "c1"}, "channel": "app", "from": DAYS[0]}
    notice = school.ok(client.post(f"/v1/schools/{row.urn}/absence-notices", json=told))
    batch = {"registers": [{"school_urn": row.urn, "date": DAYS[0], "session": "AM", "marks": []}]}
    job = school.ok(client.post("/v1/register-batches", json=batch, headers=maker))
    totals = {"school_urn": row.urn, "from": DAYS[0], "to": DAYS[-1], "possible": 10}
    kept = school.ok(client.post("/v1/reconciliations", json=totals, headers=maker))
    found = replace(
        row, pupil_id=roll["1"], local_id="1", notice_id=notice["notice_id"], job_id=job["job_id"],
        reconciliation_id=kept["reconciliation_id"], client_id="access-authority",
    )  # fmt: skip
    of_child = {"pupil_id": found.pupil_id}
    found = replace(
        episode_of(client, found),
        task_id=school.ok(client.get("/v1/tasks", params=of_child))["items"][0]["task_id"],
        case_id=school.ok(client.get("/v1/cases", params=of_child))["items"][0]["case_id"],
        letter_id=school.ok(client.get("/v1/letters", params=of_child))["items"][0]["letter_id"],
    )
    shapes = school.ok(client.get("/openapi.json"))["components"]["schemas"]
    draft = shapes["PolicyIn"]["examples"][0] | {"version": found.version}
    school.ok(client.put(f"/v1/policies/{row.la_code}/{found.version}", json=draft))
    asked = {"academic_year": "2025-26", "from": DAYS[0], "to": DAYS[-1]}
    path = f"/v1/policies/{row.la_code}/{found.version}/simulations"
    return replace(found, simulation_id=school.ok(client.post(path, json=asked))["simulation_id"])


def episode_of(client: httpx.Client, row: Row) -> Row:
    return replace(row, episode_id=school.episodes(client, row.pupil_id)[0]["episode_id"])
