"""What the conformance kit makes of a stream: each capability seen and right, seen and wrong, not seen."""

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from rollcall.conformance.faults import PLAN, Faults
from rollcall.conformance.report import Report
from rollcall.conformance.stream import Exchange

AT = "/v1/schools/900101"
AM, PM = (f"{AT}/registers/2026-01-12/{session}" for session in ("AM", "PM"))
RETRY_AFTER = 2


def exchange(method: str, path: str, sent: Any = None, answer: Any = None, **rest: Any) -> Exchange:
    path, _, query = path.partition("?")
    digest = sha256(json.dumps(sent).encode()).hexdigest()
    return Exchange(method, path, query, sent, digest, answer=answer, request_id="r1", **rest)


def register(
    status: str,
    code: str = "/",
    *,
    path: str = AM,
    version: int | None = 1,
    pupil: str = "1001",
    problem: str | None = None,
    said: dict[str, str] | None = None,
    at: float = 0,
) -> Exchange:
    """A register of one mark, with its answer; `said` is what the mark says besides."""
    known = problem != "unknown-pupil"
    told = {"pupil_id": f"id-{pupil}" if known else None, "status": status, "problem": problem and {"code": problem}}
    sent: dict[str, Any] = {"marks": [{"local_id": pupil, "code": code, **(said or {})}]}
    if version is not None:
        sent["source_version"] = version
    return exchange("PUT", path, sent, {"marks": [told]}, at=at)


def roll(pupil: str, to: str | None = None) -> Exchange:
    return exchange("PUT", f"{AT}/roll", {"pupils": [{"local_id": pupil, "enrolment": {"to": to}}]})


def met(fault: str, status: int, at: float) -> Exchange:
    return replace(register("accepted"), status=status, fault=fault, at=at, ended=at)


def compared(answer: dict[str, Any]) -> Exchange:
    return exchange("POST", f"{AT}/sync/compare", {"digests": []}, answer)


def page(since: int, following: str | None) -> Exchange:
    return exchange("GET", f"{AT}/changes?since={since}", answer={"items": [], "next": following})


def batch(key: str, body: str) -> Exchange:
    return exchange("POST", "/v1/register-batches", body, key=key)


SAID = {"reason": "Parent rang", "amended_by": "J. Field"}
UNKNOWN = register("quarantined", pupil="1004", problem="unknown-pupil")
RETIRED = register("quarantined", "J", problem="retired-code")
LISTED = exchange("GET", f"{AT}/quarantine", answer={"items": []})
TWICE = exchange("PUT", AM, {"marks": ["twice"]}, status=422)
LARGE = exchange("PUT", AM, {"marks": ["large"]}, status=413)
BACK = exchange("DELETE", f"{AM}/marks/id-1001")

RIGHT: dict[str, list[Exchange]] = {
    "registers": [register("accepted")],
    "versions": [register("accepted"), register("corrected", "I", version=2, said=SAID)],
    "corrections": [register("accepted"), register("corrected", "I", version=2, said=SAID)],
    "quarantine": [RETIRED, LISTED],
    "end-of-sync": [compared({"counts": {"same": 2, "other": 0}})],
    "unavailable": [met("unavailable", 503, 0), register("accepted", at=2)],
    "too-many": [met("too-many", 429, 0), register("accepted", at=2)],
    "lost-answer": [met("lost-answer", 0, 0), register("unchanged", at=0.1)],
    "no-upn-in-urls": [register("accepted")],
    "register-in-parts": [register("accepted"), register("accepted", pupil="1002")],
    "late-register": [register("accepted"), register("accepted", path=f"{AT}/registers/2026-01-09/PM")],
    "unknown-pupil": [UNKNOWN, roll("1004")],
    "mended-code": [RETIRED, register("accepted", "J1", version=2)],
    "deletion": [register("accepted"), BACK],
    "leaver": [roll("1005", to="2026-01-09")],
    "calendar-change": [exchange("PUT", f"{AT}/calendars/2025-26", {"days": days}) for days in ([], [1])],
    "refused": [TWICE, register("accepted")],
    "too-large": [LARGE, register("accepted"), register("accepted", pupil="1002")],
    "change-feed": [page(0, f"{AT}/changes?since=9"), page(9, None)],
    "idempotency-key": [batch("night", "a"), batch("night", "a"), batch("day", "b")],
}
WRONG: dict[str, list[list[Exchange]]] = {
    "registers": [[replace(register("accepted"), status=404)]],
    "versions": [
        [register("accepted", version=2), register("stale", "I", version=1)],
        [register("accepted"), register("accepted", path=PM, version=None)],
    ],
    "corrections": [[register("accepted"), register("corrected", "I", version=2, said={"reason": "Parent rang"})]],
    "quarantine": [[LISTED, RETIRED]],
    "end-of-sync": [
        [compared({"counts": {"same": 1, "other": 1}})],
        [compared({"counts": {"same": 1}, "differences": [{"kind": "missing-here"}]})],
    ],
    "unavailable": [
        [met("unavailable", 503, 0)],
        [met("unavailable", 503, 0), register("accepted", at=0.1)],
        [met("unavailable", 503, 0), register("accepted", "I", at=2)],
    ],
    "too-many": [[met("too-many", 429, 0), register("accepted", at=1)]],
    "lost-answer": [[met("lost-answer", 0, 0), register("accepted", path=PM)]],
    "no-upn-in-urls": [[exchange("GET", "/v1/pupils?upn=G998910120001", status=404)]],
    "unknown-pupil": [[UNKNOWN, roll("1003")], [roll("1004"), UNKNOWN]],
    "mended-code": [[RETIRED, register("accepted", "J1", version=2, pupil="1002")]],
    "deletion": [[register("accepted"), register("quarantined", "", version=2, problem="no-mark")]],
    "leaver": [[roll("1001", to="2026-01-09"), register("quarantined", problem="not-enrolled")]],
    "refused": [[TWICE, TWICE]],
    "too-large": [[LARGE, LARGE]],
    "change-feed": [[page(0, f"{AT}/changes?since=9")]],
    "idempotency-key": [[batch("night", "a"), batch("night", "b")]],
}
SEEN_ONLY = {"register-in-parts", "late-register", "calendar-change"}
"""A system that does not do these does nothing wrong."""


def verdicts(*exchanges: Exchange) -> dict[str, str]:
    return {each.name: found.verdict for each, found in Report(exchanges, RETRY_AFTER).findings}


def test_every_capability_has_a_stream_of_each_kind() -> None:
    names = set(verdicts())
    assert names == set(RIGHT) == set(WRONG) | SEEN_ONLY


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_handled_is_found_right(name: str) -> None:
    assert verdicts(*RIGHT[name])[name] == "right"


@pytest.mark.parametrize(("name", "exchanges"), [(name, each) for name, streams in WRONG.items() for each in streams])
def test_what_is_handled_wrongly_is_found_out_with_its_request(name: str, exchanges: list[Exchange]) -> None:
    (found,) = [found for each, found in Report(exchanges, RETRY_AFTER).findings if each.name == name]
    assert found.verdict == "wrong"
    assert found.says
    assert all("request r1" in request for request in found.requests)
    assert found.requests


def test_what_never_happened_is_not_seen_and_does_not_conform() -> None:
    report = Report([], RETRY_AFTER)
    assert {found.verdict for _, found in report.findings} == {"not-seen"}
    assert not report.conforms
    assert "not seen (needed)  registers" in report.text()
    assert report.json()["capabilities"][0]["verdict"] == "not-seen"


def test_a_system_conforms_that_does_all_that_is_needed_and_nothing_wrong() -> None:
    repeated = [
        *(met("unavailable", 503, 0), register("accepted", at=2)),
        *(met("too-many", 429, 3), register("unchanged", at=5)),
        *(met("lost-answer", 0, 6), register("unchanged", at=7)),
    ]
    day = [register("corrected", "I", version=2, said=SAID), LISTED, compared({"counts": {"same": 1, "other": 0}})]
    report = Report([*repeated, *day], RETRY_AFTER)
    assert report.conforms, report.text()
    assert report.text().endswith("It conforms.")
    for left_out in range(len(day)):
        assert not Report([*repeated, *day[:left_out], *day[left_out + 1 :]], RETRY_AFTER).conforms


def test_a_fault_is_met_once_and_never_by_a_repetition() -> None:
    faults = Faults()
    met = [faults.meets("PUT", AM, str(number // 2)) for number in range(2 * max(PLAN))]
    assert [each for each in met if each] == [PLAN[number] for number in sorted(PLAN)]
    assert faults.meets("GET", AM, "") is None
