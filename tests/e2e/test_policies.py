"""An authority sets a policy of its own, and takes it back: through HTTP, with tasks, and with the second
implementation.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e import school
from tests.e2e.product import Product, embedded, eventually

DAYS = [f"2025-09-{day:02d}" for day in range(1, 31) if day not in (6, 7, 13, 14, 20, 21, 27, 28)]
SESSIONS = [(day, half) for day in DAYS for half in ("AM", "PM")]
TODAY = "2025-10-01"
HERE, THERE = 100020, 100021
SCOPE = "registers:write registers:read pupils:write totals:read policies:write cases:read"
MISSED = 4
"""Of 44 sessions, the last ones: over a twelfth, never a tenth."""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with embedded(tmp_path_factory.mktemp("policies"), TODAY) as running:
        yield running


@pytest.fixture(scope="module")
def api(product: Product) -> Iterator[httpx.Client]:
    with product.client(scope=SCOPE) as client:
        yield client


@pytest.fixture(scope="module")
def children(api: httpx.Client) -> dict[int, str]:
    """By school a child; the schools are of two authorities."""
    found: dict[int, str] = {}
    for urn, la_code in ((HERE, "330"), (THERE, "333")):
        school.put_school(api, urn, la_code=la_code)
        school.put_calendar(api, urn, [*DAYS, "2025-10-01", "2025-10-02"])
        (found[urn],) = school.put_roll(api, urn, [school.pupil("1")]).values()
        for nth, (day, half) in enumerate(SESSIONS, start=1):
            code = "O" if nth > len(SESSIONS) - MISSED else "/"
            school.put_register(api, urn, day, half, {found[urn]: code})
    return found


def persistent(api: httpx.Client, pupil_id: str) -> list[Any]:
    """Its episodes of persistent absence, each with its explanation."""
    listed = school.ok(api.get(f"/v1/pupils/{pupil_id}/episodes"))["items"]
    return [school.ok(api.get(f"/v1/episodes/{one['episode_id']}")) for one in listed if one["kind"] == "PA"]


def publish(api: httpx.Client, version: str, one_in: int) -> None:
    """Publishes what ships with persistent absence at one session in so many."""
    versions = school.ok(api.get("/v1/policies", params={"la_code": "330"}))["items"]
    shipped = [one["version"] for one in versions if one["la_code"] == "england"][-1]
    document = school.ok(api.get(f"/v1/policies/england/{shipped}"))["document"]
    del document["version"], document["valid_from"]
    document["thresholds"]["PA"]["of"] = one_in
    path = f"/v1/policies/330/{version}"
    school.ok(api.put(path, json=document))
    school.ok(api.post(f"{path}/publication", json={"valid_from": TODAY, "by": "A. Head, attendance lead"}))


def agreed(product: Product) -> bool:
    """The second implementation has looked at everything, and found nothing."""
    done = product.audit()
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{product.said()}"
    return True


def test_children_are_judged_by_their_authoritys_version_and_others_are_not(
    product: Product, api: httpx.Client, children: dict[int, str]
) -> None:
    assert agreed(product)
    assert [persistent(api, child) for child in children.values()] == [[], []]
    publish(api, "330-2025.1", 12)
    (episode,) = eventually(lambda: persistent(api, children[HERE]))
    assert (episode["state"], episode["policy_version"]) == ("open", "330-2025.1")
    assert episode["formula"] == {
        "absent": MISSED,
        "possible": len(SESSIONS),
        "one_in": 12,
        "comparison": "absent * 12 >= possible",
    }
    assert agreed(product)
    assert persistent(api, children[THERE]) == []
    (task,) = school.ok(api.get("/v1/tasks", params={"pupil_id": children[HERE], "kind": "support_review"}))["items"]
    assert (task["status"], task["episode_id"]) == ("open", episode["episode_id"])


def test_a_later_version_takes_them_back_with_their_tasks(
    product: Product, api: httpx.Client, children: dict[int, str]
) -> None:
    (before,) = persistent(api, children[HERE])
    publish(api, "330-2025.2", 10)

    def taken_back() -> Any:
        (now,) = persistent(api, children[HERE])
        return now if now["state"] == "reversed" else None

    assert eventually(taken_back)["episode_id"] == before["episode_id"]
    assert agreed(product)
    (task,) = school.ok(api.get("/v1/tasks", params={"pupil_id": children[HERE], "kind": "support_review"}))["items"]
    assert task["status"] == "cancelled"


def test_a_simulation_says_who_would_cross(product: Product, api: httpx.Client, children: dict[int, str]) -> None:
    answer = api.post("/v1/policies/330/330-2025.1/simulations", json={"academic_year": "2025-26"})
    job = school.ok(answer)
    done = eventually(lambda: _done(api, job["simulation_id"]))
    (numbers,) = [one for one in done["kinds"] if one["kind"] == "PA"]
    assert (numbers["would"], numbers["would_not"], numbers["both"]) == (1, 0, 0)
    query = {"kind": "PA", "outcome": "would"}
    listed = school.ok(api.get(f"/v1/simulations/{job['simulation_id']}/pupils", params=query))["items"]
    assert listed == [{"pupil_id": children[HERE], "school_urn": HERE}]
    assert agreed(product)


def _done(api: httpx.Client, simulation_id: str) -> Any:
    found = school.ok(api.get(f"/v1/simulations/{simulation_id}"))
    return found if found["state"] == "done" else None
