"""A small authority for the fuzzer to find: without children, crossings and letters most requests would end at 404.

`furnish` makes it, and says what there is of it by the name of the parameter that asks for it. Its schools have the
lowest URNs: they stay first on every list that the fuzzer follows.
"""

from datetime import date, timedelta
from typing import Any

from tests.e2e import school
from tests.e2e.product import Product

TODAY = "2025-11-28"
URNS = (1, 2)
DAYS = [day.isoformat() for day in (date(2025, 9, 1) + timedelta(n) for n in range(60)) if day.weekday() < 5][:25]
CODES = {"1": "/" * 40 + "I" * 10, "2": "/" * 20 + "G" * 10 + "/" * 20, "3": "/" * 18 + "II", "4": "O"}
"""By local id, session by session: persistent and severe, ten in ten weeks, provisional, one mark."""
LISTS = {
    "task_id": "/v1/tasks", "case_id": "/v1/cases", "letter_id": "/v1/letters", "episode_id": "/v1/letters",
}  # fmt: skip


def furnish(product: Product) -> dict[str, list[Any]]:
    """Parameter name -> values that mean something."""
    with product.client() as client:
        upns = [school.upn(100 + number) for number in range(3)]
        found: dict[str, list[Any]] = {
            "urn": [*URNS], "date": DAYS[:4], "academic_year": ["2025-26"], "la_code": ["330"], "upn": upns,
            "local_id": [*CODES], "pupil_id": [], "notice_id": [],
        }  # fmt: skip
        for urn in URNS:
            school.put_school(client, urn)
            school.put_calendar(client, urn, DAYS)
            rows = [
                school.pupil(name, upn=upn, contacts=[school.contact("c1")])
                for name, upn in zip(CODES, [upns[0], upns[urn], None, None], strict=True)
            ]
            pupils = school.put_roll(client, urn, rows)
            found["pupil_id"] += pupils.values()
            for number in range(len(DAYS) * 2):
                codes = {pupils[name]: own[number] for name, own in CODES.items() if number < len(own)}
                school.put_register(client, urn, DAYS[number // 2], ("AM", "PM")[number % 2], codes)
            told = {"local_id": "4", "given_by": {"local_id": "c1"}, "channel": "app", "from": DAYS[0]}
            notice = school.ok(client.post(f"/v1/schools/{urn}/absence-notices", json=told))
            found["notice_id"].append(notice["notice_id"])
            waiting = {"marks": [{"local_id": "nobody", "code": "/"}, {"local_id": "4", "code": "QQ"}]}
            school.ok(client.put(f"/v1/schools/{urn}/registers/{DAYS[1]}/AM", json=waiting))
        product.audited()  # the barrier for tasks and letters
        for name, path in LISTS.items():
            found[name] = [item[name] for item in school.ok(client.get(path))["items"]]
            assert found[name], path
        return found
