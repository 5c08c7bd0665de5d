"""A child of whom registers is told all that it may be told, each of it a word that stands nowhere else."""

from typing import Any

from tests.integration.registers.conftest import FIRST, OTHER, SECOND, URN, Authority, pupil

WAITING_UPN = "A801200005001"
WORDS = (
    "Hazelqx", "Nuttqx", "Robinqx", "motherqx", "robin@qx.example", "0121qx", "1qx Elm Road", "B1qx", "C12qx", "Auntqx",
    "Workerqx", "Agreedqx", "Takerqx", "Commentqx", "Reasonqx", "Amenderqx", "Giverqx", "Whyqx", "Noterqx", "Mergeqx",
    "Officerqx", FIRST, SECOND, WAITING_UPN,
)  # fmt: skip
"""All that is planted here and must be sealed."""
CONTACT = {
    "local_id": "c", "name": "Robinqx", "relationship": "motherqx", "parental_responsibility": True,
    "lives_with_pupil": True, "email": "robin@qx.example", "phone": "0121qx",
    "address": {"lines": ["1qx Elm Road"], "postcode": "B1qx"},
    "contact_barred": {"from": "2030-01-01", "order": "C12qx"},
}  # fmt: skip
MARK = {"comment": "Commentqx", "reason": "Reasonqx", "amended_by": {"name": "Amenderqx", "position": "Officerqx"}}


async def plant(authority: Authority) -> str:
    """Tells all of it; the child's id."""
    ask = authority.ask
    for urn in (URN, OTHER):
        await authority.school(urn)
    left = {"from": "2025-09-01", "to": "2025-09-30", "kind": "single", "destination": "Auntqx"}
    names = {"given_name": "Hazelqx", "family_name": "Nuttqx"}
    rows = [pupil(number, upn=upn, contacts=[CONTACT], **names) for number, upn in (("1", FIRST), ("2", SECOND))]
    told = await authority.roll(*rows, pupil("3", enrolment=left, **names))
    child, other, _ = (row["pupil_id"] for row in told["results"])
    register: dict[str, Any] = {"taken_by": "Takerqx", "taken_at": "2025-09-15T08:00:00Z"}
    waiting = {"upn": WAITING_UPN, "code": "/"}
    await authority.register([{"local_id": "1", "code": "/"}, waiting | MARK], **register)
    await authority.register([{"local_id": "1", "code": "I", **MARK}], **register)
    plan = {"from": "2025-09-08", "to": None, "review_on": "2025-10-12", "agreed_by": ["Agreedqx"]}
    await ask("PUT", f"/v1/schools/{URN}/part-time-timetables/{child}", json={"plans": [plan]})
    worker = {"name": "Workerqx", "email": "worker@qx.example", "phone": "0121qx", "from": "2025-09-01", "to": None}
    await ask("PUT", f"/v1/pupils/{child}/social-workers", json={"social_workers": [worker]})
    notice: dict[str, Any] = {
        "local_id": "1", "given_by": {"name": "Giverqx", "relation": "motherqx"}, "channel": "telephone",
        "from": "2025-09-15", "reason": "Reasonqx", "noted_by": "Noterqx",
    }  # fmt: skip
    notices = f"/v1/schools/{URN}/absence-notices"
    given = await ask("POST", notices, 201, json=notice, headers={"Idempotency-Key": "k"})
    await ask("POST", f"{notices}/{given['notice_id']}/withdrawal", json={"why": "Whyqx"})
    said = {"into": child, "reason": "Mergeqx", "by": "Officerqx"}
    await ask("POST", f"/v1/pupils/{other}/merge", json=said, headers={"Idempotency-Key": "m"})
    return child
