"""Builds schools, calendars, rolls and registers through the public API, as a school's system would."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def upn(serial: int, la: str = "330") -> str:
    """A valid UPN of a fictional establishment (rule book 9)."""
    digits = f"{la}9{serial // 100000 % 1000:03d}{serial // 1000 % 100:02d}{serial % 1000:03d}"
    assert len(digits) == 12
    return UPN_LETTERS[sum(int(d) * w for d, w in zip(digits, range(2, 14), strict=True)) % 23] + digits


def temporary_upn(serial: int, la: str = "330") -> str:
    """A valid UPN that a school gave for the time being: it ends in a letter, here A, which counts nothing."""
    digits = upn(serial * 10, la)[1:-1]
    return UPN_LETTERS[sum(int(d) * w for d, w in zip(digits, range(2, 13), strict=True)) % 23] + digits + "A"


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, (
        f"{answer.request.method} {answer.request.url} -> {answer.status_code} {answer.text}"
    )
    return answer.json()


def put_school(
    client: httpx.Client, urn: int, *, la_code: str = "330", phase: str = "primary", **more: str | None
) -> Any:
    laestab = f"{la_code}{urn % 10000:04d}"
    body = {"name": f"School {urn}", "la_code": la_code, "laestab": laestab, "phase": phase, **more}
    return ok(client.put(f"/v1/schools/{urn}", json=body))


def put_calendar(client: httpx.Client, urn: int, days: Iterable[str]) -> Any:
    """Both sessions of each day; every academic year that the days lie in."""
    years: dict[str, list[dict[str, Any]]] = {}
    for day in days:
        start = int(day[:4]) - (day[5:7] < "08")
        years.setdefault(f"{start}-{(start + 1) % 100:02d}", []).append({"date": day, "sessions": ["AM", "PM"]})
    answer = None
    for year, listed in years.items():
        answer = ok(client.put(f"/v1/schools/{urn}/calendars/{year}", json={"days": listed}))
    return answer


def contact(local_id: str, *, name: str = "Alex Parent", **changes: Any) -> dict[str, Any]:
    return {
        "local_id": local_id, "name": name, "relationship": "mother", "parental_responsibility": True,
        "lives_with_pupil": True, "priority": 1, "email": None, "phone": None,
        "address": {"lines": ["1 High Street", "Birmingham"], "postcode": "B1 1AA"}, "language": "en",
        "do_not_contact": False,
    } | changes  # fmt: skip


def pupil(local_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "local_id": local_id, "upn": None, "given_name": "Sam", "family_name": f"Child{local_id}",
        "date_of_birth": "2014-03-09", "year_group": 6,
        "enrolment": {"from": "2023-08-01", "to": None, "kind": "single"}, "flags": [], "contacts": [],
    } | changes  # fmt: skip


def put_roll(client: httpx.Client, urn: int, pupils: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, str]:
    """Local id -> pupil_id."""
    answer = ok(client.put(f"/v1/schools/{urn}/roll", json={"pupils": list(pupils), "complete": False, **more}))
    assert all(result["status"] != "rejected" for result in answer["results"]), answer
    return {result["local_id"]: result["pupil_id"] for result in answer["results"]}


def put_register(client: httpx.Client, urn: int, date: str, session: str, codes: Mapping[str, str], **more: Any) -> Any:
    """`codes` by pupil_id; `more` goes into the body (source_version, taken_by, …)."""
    marks = [{"pupil_id": pupil_id, "code": code} for pupil_id, code in codes.items()]
    return ok(client.put(f"/v1/schools/{urn}/registers/{date}/{session}", json={"marks": marks, **more}))


def figures(client: httpx.Client, pupil_id: str, urn: int, sequence: int, **query: Any) -> Any:
    """The child's absence figures, once the engine has counted the school's ledger up to `sequence`."""
    params = {"at_least": f"{urn}:{sequence}", **query}
    return ok(client.get(f"/v1/pupils/{pupil_id}/absence", params=params, headers={"Prefer": "wait=30"}))


def episodes(client: httpx.Client, pupil_id: str, kind: str | None = None, standing: bool = True) -> list[Any]:
    items = ok(client.get(f"/v1/pupils/{pupil_id}/episodes"))["items"]
    return [item for item in items if (kind in (None, item["kind"])) and (not standing or item["state"] != "reversed")]
