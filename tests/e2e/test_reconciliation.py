"""A simulated authority's year: its own statistics, counted plainly and written as DfE publishes them, against what the
product answers: no difference is left unexplained, and a mark that is put right later is the whole of one.
"""

import asyncio
import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from audit.barrier import Outstanding
from audit.child import Child, Mark
from audit.compare import world as worlds
from audit.compare.school import compare_school
from audit.read import snapshot
from audit.report import Report
from audit.statistics import ALL_PHASES, REASONS, statistics, write
from common.public_api import connect
from rollcall.folder import Folder
from simulator import authority
from simulator.client import Poster
from simulator.mis import Mis

from tests.e2e import school
from tests.e2e.product import ALL_SCOPES, Product, embedded, eventually

PUPILS, YEAR, TODAY = 60, 2025, date(2026, 7, 25)
COUNTS = {
    "possible": "possible_sessions",
    "attended": "overall_attendance",
    "absent": "overall_absence",
    "authorised": "authorised_absence",
    "unauthorised": "unauthorised_absence",
}
"""What the product calls each of DfE's columns."""


class Simulated:
    """A running product with an authority's whole year in it."""

    def __init__(self, product: Product, server_url: str, mis: Mis) -> None:
        self.product, self.server_url, self.mis = product, server_url, mis
        self.urns = [one.urn for one in mis.authority.schools]
        self.la_code = mis.authority.figures.la_code
        asyncio.run(self._set_up())
        self.send([register for day in range(len(mis.authority.days)) for register in self._of_day(day)])

    async def _set_up(self) -> None:
        async def token() -> str:
            return self.product.token(ALL_SCOPES)

        async with connect(self.product.urls["registers"], token) as api:
            poster = Poster(api, self.mis)
            await poster.set_up()
            for day in range(len(self.mis.authority.days)):
                for urn, body in self.mis.moves(day):
                    await api.put(f"/v1/schools/{urn}/roll", body)

    def _of_day(self, day: int) -> Iterator[dict[str, Any]]:
        for register in (*self.mis.registers(day, 0), *self.mis.registers(day, 1), *self.mis.corrections(day)):
            yield {
                "school_urn": register.urn, "date": register.date.isoformat(), "session": register.session,
                **register.body,
            }  # fmt: skip

    def send(self, registers: list[dict[str, Any]]) -> None:
        """Registers as one batch, counted when this returns."""
        body = "\n".join(map(json.dumps, registers)).encode()
        with self.client("registers") as client:
            headers = {"Content-Type": "application/x-ndjson"}
            sent = school.ok(client.post("/v1/register-batches", content=body, headers=headers))
            job = eventually(lambda: self._done(client, sent["links"]["self"]), 240)
        assert job["counts"]["rejected"] == 0, job
        self.at_least = [f"{one['school_urn']}:{one['sequence']}" for one in job["sequences"]]

    def _done(self, client: httpx.Client, path: str) -> dict[str, Any] | None:
        job = school.ok(client.get(path))
        assert job["state"] != "failed", job
        return job if job["state"] == "done" else None

    def client(self, service: str) -> httpx.Client:
        """Of somebody who may see each of these schools: to them nothing small is hidden."""
        return self.product.client(service, schools=self.urns)

    def answers(self, *by: str) -> list[dict[str, Any]]:
        """What the product answers on DfE's basis, by group."""
        asked = {
            "la_code": self.la_code, "academic_year": "2025-26", "basis": "dfe", "group_by": ",".join(by),
            "at_least": self.at_least, "page_size": 500,
        }  # fmt: skip
        with self.client("absence-engine") as client:
            answer = school.ok(client.get("/v1/absence", params=asked, headers={"Prefer": "wait=30"}))
        assert answer["next"] is None
        return answer["items"]

    def exported(self) -> dict[str, dict[str, str]]:
        """The authority's own file, read again: its rows, by phase."""
        to = io.StringIO()
        known, children = asyncio.run(self._children())
        phases = {one.urn: one.phase for one in known.schools}
        write(statistics(children, phases, YEAR, known.codes).values(), YEAR, self.la_code, to)
        return {row["education_phase"]: row for row in csv.DictReader(io.StringIO(to.getvalue()))}

    async def _children(self) -> tuple[worlds.World, list[Child]]:
        """Every child by all that was sent, as the second implementation knows it."""
        opened = await snapshot.connect(self.server_url)
        try:
            async with snapshot.snapshots(opened) as at:
                known = await worlds.load(at, Outstanding(), TODAY)
                marks: dict[str, list[Mark]] = defaultdict(list)
                for one in known.schools:
                    for pupil_id, own in (await compare_school(at, known, one, Report(io.StringIO()))).items():
                        marks[pupil_id] += own
                return known, [known.child(pupil_id, own) for pupil_id, own in sorted(marks.items())]
        finally:
            await snapshot.close(opened)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    folder: Path = tmp_path_factory.mktemp("reconciliation")
    with embedded(folder, TODAY.isoformat()) as product:
        running = Folder(folder).running()
        assert running is not None
        yield Simulated(product, running.database, Mis(authority.build(PUPILS)))


def differences(simulated: Simulated) -> dict[tuple[str, str], tuple[int, int]]:
    """Where the authority's file and the product differ: by phase and column, what each says."""
    said = simulated.exported()
    found: dict[tuple[str, str], tuple[int, int]] = {}
    answered: dict[tuple[str, str], int] = {}
    for item in simulated.answers("phase"):
        phase, sums = item["group"]["phase"], item["enrolments"]
        answered |= {(phase, column): sums[name] for name, column in COUNTS.items()}
        assert sums["persistent"] * 100 == round(float(said[phase]["pa_perc"]) * int(said[phase]["enrolments"]))
    for item in simulated.answers("phase", "code"):
        columns = [column for column, code in REASONS.items() if code == item["group"]["code"]]
        answered |= {(item["group"]["phase"], column): item["enrolments"]["sessions"] for column in columns}
    for phase, row in said.items():
        for column in (*COUNTS.values(), *REASONS) if phase != ALL_PHASES else ():
            pair = (int(row[column]), answered.pop((phase, column), 0))
            if pair[0] != pair[1]:
                found[phase, column] = pair
    assert not any(answered.values())
    return found


def test_the_answers_are_the_authoritys_own_statistics(simulated: Simulated) -> None:
    said = simulated.exported()
    assert {*said} >= {"primary", "secondary", ALL_PHASES}
    assert int(said[ALL_PHASES]["possible_sessions"]) > 15_000
    assert differences(simulated) == {}


def test_a_mark_that_is_put_right_later_is_all_the_difference(simulated: Simulated) -> None:
    known = simulated.exported()
    first = next(
        register for register in simulated._of_day(5) if any(mark["code"] in "/\\" for mark in register["marks"])
    )
    mark = next(mark for mark in first["marks"] if mark["code"] in "/\\")
    simulated.send([{**first, "taken_by": "Office", "marks": [{**mark, "code": "V"}]}])
    assert differences(simulated) == {}
    moved = {
        (phase, column): int(row[column]) - int(known[phase][column])
        for phase, row in simulated.exported().items()
        for column in (*COUNTS.values(), *REASONS)
        if row[column] != known[phase][column] and phase != ALL_PHASES
    }
    assert sorted(moved.values()) == [-1, 1]
    assert {column for _, column in moved} > {"reason_v_aea_educational_visit_trip"}
