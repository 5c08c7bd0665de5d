"""The page for vendors tells the truth: pasted from top to bottom, each call answers what the page says of it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.product import ROLLCALL, embedded

PAGE = (Path(__file__).parents[2] / "docs" / "integrating.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The answers to the page's calls, in order."""
    folder = tmp_path_factory.mktemp("vendor")
    calls = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    with embedded(folder / "data", "2025-09-03") as product:
        port = product.urls["registers"].rpartition(":")[2]
        pasted = calls.replace(".venv/bin/rollcall", ROLLCALL).replace(":8080", f":{port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", pasted], cwd=folder, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["data"], "nothing is left in the working folder"
    return [json.loads(line) for line in done.stdout.splitlines()]


def those_with(answers: list[Any], *names: str) -> list[Any]:
    return [answer for answer in answers if all(name in answer for name in names)]


def list_of(answers: list[Any], name: str) -> list[Any]:
    """The first list whose items have this field."""
    return next(found for answer in answers if (found := answer.get("items")) and name in found[0])


def test_only_the_last_call_is_refused_and_says_where(answers: list[Any]) -> None:
    assert [answer for answer in answers if "correlation_id" in answer] == answers[-1:]
    assert (answers[-1]["type"], answers[-1]["status"]) == ("/problems/invalid", 422)
    assert {fault["pointer"] for fault in answers[-1]["errors"]} == {"/marks/0", "/marks/1"}


def test_a_register_is_answered_mark_by_mark(answers: list[Any]) -> None:
    told = [[mark["status"] for mark in answer["marks"]] for answer in those_with(answers, "marks", "counts")]
    assert told == [
        ["accepted", "accepted"],
        ["corrected"],
        ["accepted"],
        ["quarantined", "accepted", "quarantined"],
        ["accepted"],
    ]


def test_a_parents_notice_is_matched_to_the_mark_that_it_explains(answers: list[Any]) -> None:
    (notice,) = list_of(answers, "given_by")
    assert [one["match"] for one in notice["sessions"]] == ["to-settle", "awaited"]
    (gap,) = list_of(answers, "absent_since")
    assert (gap["local_id"], gap["kind"]) == ("1043", "first-day-late")


def test_one_bad_row_costs_a_batch_no_other(answers: list[Any]) -> None:
    job = next(answer for answer in those_with(answers, "progress"))
    assert (job["state"], job["counts"]["accepted"], job["counts"]["quarantined"]) == ("done", 1, 1)
    assert "day-first-date" in {warning["code"] for warning in job["warnings"]}


def test_an_amendment_keeps_the_first_entry_beside_it(answers: list[Any]) -> None:
    mark = list_of(answers, "history")[0]
    assert (mark["code"], mark["amended_by"]) == ("I", "J. Field, school office")
    assert [entry["code"] for entry in mark["history"]] == ["N"]


def test_what_waits_says_what_would_mend_it(answers: list[Any]) -> None:
    waiting = list_of(answers, "mend")
    assert {(item["problem"]["code"], item["mend"]["operation"], *item["mend"]["codes"]) for item in waiting} == {
        ("unknown-code", "putRegister"),
        ("retired-code", "putRegister", "J1"),
        ("unknown-pupil", "putRoll"),
    }


def test_the_digest_of_the_page_is_the_one_that_is_reckoned(answers: list[Any]) -> None:
    stands = next(answer for answer in those_with(answers, "key"))
    by_digest, by_list = those_with(answers, "differences")
    assert by_digest["counts"] == {"same": 1, "other": 0}
    assert by_digest["digests"][0]["digest"] == stands["items"][0]["sessions"][0]["digest"]
    assert by_list["counts"]["same"] == 2
    (difference,) = by_list["differences"]
    assert (difference["kind"], difference["local_id"]) == ("other-code", "1043")
    assert (difference["there"], difference["here"]) == ("L", "/")


def test_the_ledger_has_every_change_in_order(answers: list[Any]) -> None:
    ledger = list_of(answers, "specversion")
    assert [entry["sequence"] for entry in ledger] == list(range(1, len(ledger) + 1))


@pytest.mark.parametrize(
    "heading",
    [
        "Errors",
        "Registers",
        "What parents told",
        "Amendments",
        "Many registers at once",
        "The roll: who is who",
        "The end of a sync",
    ],
)
def test_each_part_of_an_integration_has_calls(heading: str) -> None:
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert "api " in part
