"""What is exported of an episode is enough to count it again, by the script that a court could run."""

import copy
import importlib.util
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import date, timedelta
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
from absence_engine.domain.evidence import evidence
from absence_engine.domain.explain import explain
from absence_engine.domain.flags import Flagged
from absence_engine.domain.policy import Policy, read
from absence_engine.domain.records import ChildRecord
from absence_engine.domain.spans import Child, Scope, spans
from absence_engine.domain.ticks import NEVER, tick_of
from common.academic import Session
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine.children import OTHER, TERM, URN, calendars, child, children, sessions
from tests.unit.absence_engine.policies import FULL, SMALL
from tests.unit.any_policy import any_policy

SCRIPT = Path(__file__).parents[3] / "scripts" / "check-evidence"
CALENDARS = calendars({URN: set(TERM), OTHER: set(TERM[20:])})

Json = dict[str, Any]


def exported(record: ChildRecord, policy: Policy) -> list[Json]:
    """The evidence of every span of a child, as JSON has it."""
    one = Child.of(record)
    (found,) = spans([one], [Scope.whole(one)], CALENDARS, policy)
    documents = [evidence(one, span, explain(one, span, CALENDARS, policy), CALENDARS, policy) for span in found]
    more = {"episode_id": "an episode", "as_known_on": None}
    return [json.loads(json.dumps(document)) | more for document in documents]


def checked(document: Json) -> tuple[int, str]:
    """What the script answers and prints."""
    loader = SourceFileLoader("check_evidence", str(SCRIPT))
    spec = importlib.util.spec_from_loader("check_evidence", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, redirect_stdout(io.StringIO()) as printed:
        json.dump(document, file)
        file.flush()
        return module.main(file.name), printed.getvalue()


@pytest.mark.parametrize("policy", [FULL, SMALL], ids=["as shipped", "low numbers"])
@given(record=children())
@settings(max_examples=60, deadline=None)
def test_whatever_is_crossed_is_counted_again_from_its_evidence(policy: Policy, record: ChildRecord) -> None:
    for document in exported(record, policy):
        answer, printed = checked(document)
        assert answer == 0, printed


@given(record=children(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_so_it_is_under_any_policy(record: ChildRecord, data: st.DataObject) -> None:
    policy = read(any_policy(lambda some: data.draw(st.sampled_from(some)), [URN, OTHER]))
    for document in exported(record, policy):
        answer, printed = checked(document)
        assert answer == 0, (document["kind"], printed)


def without_a_session(document: Json) -> None:
    counted = document["explanation"]["sessions"][0]
    document["sessions"] = [one for one in document["sessions"] if one != counted]


def another_code(document: Json) -> None:
    for its in (document["sessions"], document["explanation"]["sessions"]):
        its[-1]["code"] = "M"
    document["codes"]["M"] = {"possible": True, "attended": False, "absence": "authorised", "late": None}


def another_integer(document: Json) -> None:
    formula = document["explanation"]["formula"]
    name = next(name for name in ("absent", "sessions") if name in formula)
    formula[name] += 1


def another_hash(document: Json) -> None:
    document["explanation"]["hash"] = "0" * 64


def another_version(document: Json) -> None:
    document["policy_version"] = "england-1999.1"


def another_school(document: Json) -> None:
    document["explanation"]["sessions"][0]["school_urn"] += 1


def another_child(document: Json) -> None:
    document["pupil_id"] = "11111111-1111-4111-8111-111111111112"


TAMPERED = [
    without_a_session, another_code, another_integer, another_hash, another_version, another_school, another_child,
]  # fmt: skip


def of_each_kind() -> list[Json]:
    """Evidence of each kind that a child with many reasons has, under low numbers."""
    codes = dict(zip(TERM, ["O", "I", "U", "I", "O", "O", "O", "L", "O", "O"] * 12, strict=False))
    return list({document["kind"]: document for document in exported(child(codes), SMALL)}.values())


@pytest.mark.parametrize("tamper", TAMPERED)
def test_whatever_is_tampered_with_is_noticed(tamper: Callable[[Json], None]) -> None:
    documents = of_each_kind()
    assert {document["rule"]["rule"] for document in documents} == {"rate", "window", "run", "tally"}
    for document in documents:
        tampered = copy.deepcopy(document)
        tamper(tampered)
        answer, printed = checked(tampered)
        assert (answer, "DIFFERS" in printed) == (1, True), document["kind"]


def test_the_script_runs_alone(tmp_path: Path) -> None:
    """Without anything of ours, in the interpreter's isolated mode."""
    (document, *_) = of_each_kind()
    whole, broken = tmp_path / "whole.json", tmp_path / "broken.json"
    whole.write_text(json.dumps(document), encoding="utf-8")
    another_hash(document)
    broken.write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    for name, status, said in (("whole", 0, "All of it agrees."), ("broken", 1, "1 of it differ"), ("none", 2, "read")):
        command = [sys.executable, "-I", "-S", str(SCRIPT), str(tmp_path / f"{name}.json")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (ran.returncode, said in ran.stdout, ran.stderr) == (status, True, "")


# -- how far it reaches -----------------------------------------------------------------------------------------------

EVERY_DAY = [date(2024, 8, 1) + timedelta(n) for n in range(3 * 365)]
ALWAYS_OPEN = calendars({URN: sessions(EVERY_DAY)})


def evidence_of(kind: str, record: ChildRecord) -> Json:
    """The evidence of a child's only span of a kind, where the school is open every day."""
    one = Child.of(record)
    (found,) = spans([one], [Scope.whole(one)], ALWAYS_OPEN, FULL)
    (span,) = [span for span in found if span.kind == kind]
    return evidence(one, span, explain(one, span, ALWAYS_OPEN, FULL), ALWAYS_OPEN, FULL)


def days_shown(document: Json) -> tuple[str, str]:
    """The first and the last day of the calendar, which has both sessions of each."""
    ((days),) = [calendar["days"] for calendar in document["calendars"]]
    assert all(day["sessions"] == ["AM", "PM"] for day in days)
    return days[0]["date"], days[-1]["date"]


def test_evidence_of_a_rate_shows_its_year_and_nothing_else() -> None:
    last, first = tick_of(date(2025, 7, 31), Session.PM), tick_of(date(2025, 8, 1))
    marks = {last: "/", first: "O", tick_of(date(2026, 7, 31), Session.PM): "/"}
    document = evidence_of("SA", child(marks, born=date(2014, 3, 9)))
    assert days_shown(document) == ("2025-08-01", "2026-07-31")
    assert [session["date"] for session in document["sessions"]] == ["2025-08-01", "2026-07-31"]
    assert document["format"] == "rollcall-evidence-1"
    assert document["academic_year"] == "2025-26"
    assert document["compulsory_school_age"] == {"from": "2019-03-31", "to": "2030-06-28"}
    assert evidence_of("SA", child(marks, born=None))["compulsory_school_age"] is None


def test_evidence_says_of_each_stay_and_code_all_that_there_is() -> None:
    first = tick_of(date(2025, 8, 1))
    document = evidence_of("SA", child({first: "O"}))
    assert document["enrolments"] == [{"school_urn": URN, "from": "2023-08-01", "to": None, "kind": "single"}]
    assert list(document["codes"]) == ["O"]
    code = document["codes"]["O"]
    assert {name: code[name] for name in code if name != "meaning"} == {
        "possible": True, "attended": False, "absence": "unauthorised", "late": None, "valid_from": "2006-09-01",
        "valid_to": None,
    }  # fmt: skip
    assert code["meaning"]
    assert (document["firm_on"], document["up_to"]) == (None, {"date": "2025-08-01", "session": "AM"})
    firm = evidence_of("SA", child(dict.fromkeys(range(first, first + 40), "O")))
    assert firm["firm_on"] == firm["up_to"] == {"date": "2025-08-20", "session": "PM"}


def test_evidence_of_a_window_goes_up_to_the_week_in_which_it_became_firm() -> None:
    n, late = date(2025, 9, 1), date(2025, 9, 22)
    marks = dict.fromkeys(sessions([n + timedelta(day) for day in range(5)]), "O") | {tick_of(n): "N"}
    document = evidence_of("PN_10_IN_10", child(marks | {tick_of(late): "O"}))
    assert document["firm_on"] == {"date": "2025-09-22", "session": "AM"}
    assert days_shown(document) == ("2025-07-07", "2025-09-28")


def test_evidence_of_a_later_run_leaves_out_the_one_before_it() -> None:
    flag = (Flagged("CLA", 0, NEVER),)
    first, second = date(2025, 9, 15), date(2026, 2, 16)
    marks = {tick_of(first): "O", tick_of(first, Session.PM): "/", tick_of(second): "O"}
    one = Child.of(child(marks, flags=flag))
    (found,) = spans([one], [Scope.whole(one)], ALWAYS_OPEN, FULL)
    later = [span for span in found if span.kind == "UNEXPLAINED"][-1]
    document = evidence(one, later, explain(one, later, ALWAYS_OPEN, FULL), ALWAYS_OPEN, FULL)
    assert days_shown(document)[0] == "2026-01-19"


def test_evidence_of_a_run_shows_four_weeks_before_it_and_after_what_it_is_explained_by() -> None:
    flag = (Flagged("CLA", tick_of(date(2025, 9, 1)), tick_of(date(2025, 12, 1), Session.PM)),)
    document = evidence_of("UNEXPLAINED", child({tick_of(date(2025, 10, 15), Session.PM): "O"}, flags=flag))
    assert days_shown(document) == ("2025-09-17", "2025-11-12")
    assert document["flags"] == [{"flag": "CLA", "from": "2025-09-01", "to": "2025-12-01"}]
    assert document["academic_year"] is None
    for_ever = child({tick_of(date(2025, 10, 15)): "N"}, flags=(Flagged("CLA", 0, NEVER),))
    document = evidence_of("UNEXPLAINED", for_ever)
    assert document["flags"] == [{"flag": "CLA", "from": "0001-01-01", "to": None}]
    assert (document["crossed_on"], document["firm_on"]) == ({"date": "2025-10-15", "session": "AM"}, None)


def test_evidence_of_a_window_shows_two_weeks_before_it_and_its_last_week_whole() -> None:
    marks = dict.fromkeys(sessions([date(2026, 1, 12) + timedelta(n) for n in range(5)]), "L")
    assert days_shown(evidence_of("PUNCTUALITY", child(marks))) == ("2025-10-27", "2026-01-18")
