"""A hundred thousand marks that one change moves: answered at once, fair to registers, not lost by a kill."""

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import school
from tests.e2e.product import embedded, eventually
from tests.faults.load import school_days
from tests.faults.test_faults import TODAY, children_named

URN, OTHER = 100900, 100901
PUPILS, DAYS = 2000, school_days(25)
NEVER_MARKED = "2025-12-22"
CALENDAR = f"/v1/schools/{URN}/calendars/2025-26"
PATIENCE = 240


def fill(client: httpx.Client) -> dict[str, str]:
    """A school with a register of 2,000 marks in each of 50 sessions, and a small one. The large one's pupils."""
    for urn in (URN, OTHER):
        school.put_school(client, urn)
        school.put_calendar(client, urn, [*DAYS, NEVER_MARKED])
    school.put_roll(client, OTHER, [school.pupil("1")])
    pupils = school.put_roll(client, URN, [school.pupil(f"p{n}") for n in range(PUPILS)])
    for day in DAYS:
        for half in ("AM", "PM"):
            school.put_register(client, URN, day, half, dict.fromkeys(pupils.values(), "/"))
    return pupils


def open_days(days: list[str]) -> dict[str, Any]:
    return {"days": [{"date": day, "sessions": ["AM", "PM"]} for day in days]}


def timed(client: httpx.Client, path: str, body: dict[str, Any]) -> tuple[float, Any]:
    began = time.monotonic()
    answer = school.ok(client.put(path, json=body))
    return time.monotonic() - began, answer


def is_recalculating(client: httpx.Client) -> bool:
    return school.ok(client.get(f"/v1/schools/{URN}")).get("recalculating", False)


@pytest.mark.timeout(PATIENCE * 3)
def test_a_calendar_that_moves_a_hundred_thousand_marks_goes_on_after_a_kill(tmp_path: Path) -> None:
    with embedded(tmp_path, TODAY) as product, product.client() as client:
        pupils = fill(client)
        product.audited()
        small, _ = timed(client, CALENDAR, open_days(DAYS))
        large, _ = timed(client, CALENDAR, open_days([NEVER_MARKED]))
        assert large < 10 * small + 0.5, f"{large:.2f} s, and {small:.2f} s for a change without marks"
        figures = f"/v1/pupils/{pupils['p0']}/absence?academic_year=2025-26"
        eventually(lambda: school.ok(client.get(figures))["freshness"]["schools"][0].get("recalculating"))
        eventually(lambda: not school.ok(client.get(f"/v1/schools/{URN}/registers/{DAYS[0]}/AM"))["marks"])
        (worker, *_) = children_named(product.processes[0].process.pid, "worker")
        worker.kill()
        worker.wait(10)
        eventually(lambda: answers(client))
        assert is_recalculating(client)

        mark = {"marks": [{"pupil_id": pupils["p1"], "code": "O"}]}
        here, written = timed(client, f"/v1/schools/{URN}/registers/{DAYS[-1]}/PM", mark)
        assert written["marks"][0]["problem"]["code"] == "closed-session"
        mark = {"marks": [{"local_id": "1", "code": "O"}]}
        elsewhere, written = timed(client, f"/v1/schools/{OTHER}/registers/{DAYS[-1]}/PM", mark)
        assert written["counts"]["accepted"] == 1
        assert max(here, elsewhere) < 5, f"{here:.2f} s here, {elsewhere:.2f} s elsewhere"
        began = time.monotonic()
        eventually(lambda: not is_recalculating(client), PATIENCE)
        print(f"small {small:.3f} s, large {large:.3f} s, register {here:.3f} s, rest {time.monotonic() - began:.1f} s")
        assert "differences: none" in product.audited()
        told = school.ok(client.get(figures))
        assert told["child"]["possible"] == 0
        assert "recalculating" not in told["freshness"]["schools"][0]


def answers(client: httpx.Client) -> bool:
    """Whether the product is back."""
    try:
        return client.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False
