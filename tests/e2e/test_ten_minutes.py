"""docs/ten-minutes.md tells the truth: pasted from top to bottom, each call answers what the page shows of it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from tests.binaries import free_port
from tests.e2e.product import ROLLCALL, Process

PAGE = (Path(__file__).parents[2] / "docs" / "ten-minutes.md").read_text(encoding="utf-8")
SHOWN: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The answers to the page's calls, in order."""
    folder = tmp_path_factory.mktemp("ten-minutes")
    process = Process("up", "--sandbox", "--data", str(folder / "sandbox"), "--port", str(free_port()))
    try:
        port = process.wait_ready().rpartition(":")[2]
        calls = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
        pasted = calls.replace(".venv/bin/rollcall", ROLLCALL).replace(":8080", f":{port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", pasted], cwd=folder, capture_output=True, text=True, timeout=120
        )
    finally:
        assert process.stop() == 0
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def agrees(shown: Any, answer: Any) -> bool:
    """Whether all that the page shows is in the answer. Ids and numbers of the ledger are another installation's."""
    if isinstance(shown, dict):
        said, told = cast("dict[str, Any]", shown), cast("dict[str, Any]", answer)
        return isinstance(answer, dict) and all(
            name in told and (name == "sequence" or agrees(value, told[name])) for name, value in said.items()
        )
    if isinstance(shown, list):
        listed, given = cast("list[Any]", shown), cast("list[Any]", answer)
        return isinstance(answer, list) and len(listed) == len(given) and all(map(agrees, listed, given))
    return shown == answer or (isinstance(shown, str) and shown.endswith("…"))


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: str(shown.get("kind", shown.get("type", "register"))))
def test_what_the_page_shows_is_answered(answers: list[dict[str, Any]], shown: dict[str, Any]) -> None:
    assert any(agrees(shown, answer) for answer in answers), shown


def test_only_the_child_of_another_authority_is_refused(answers: list[dict[str, Any]]) -> None:
    assert [answer["type"] for answer in answers if "correlation_id" in answer] == ["/problems/not-found"]


def test_the_explanation_names_its_sessions_and_ends_with_the_last_absence(answers: list[dict[str, Any]]) -> None:
    (explained,) = [answer for answer in answers if answer.get("kind") == "PA" and answer["state"] == "open"]
    assert len(explained["sessions"]) == 16
    assert explained["sessions"][-1] == {"date": "2026-01-12", "session": "AM", "code": "I", "school_urn": 900101}
    assert len(explained["hash"]) == 64
    assert explained["sentence"]


def test_the_mark_of_tomorrow_waits_and_then_stands(answers: list[dict[str, Any]]) -> None:
    of_the_day = [answer["marks"][0] for answer in answers if answer.get("date") == "2026-01-13"]
    assert (of_the_day[0]["status"], of_the_day[0]["problem"]["code"]) == ("quarantined", "future-date")
    assert of_the_day[-1]["code"] == "/"
    assert {"today": "2026-01-13"} in answers


def test_what_waited_for_its_roll_row_waits_no_longer(answers: list[dict[str, Any]]) -> None:
    listed = next(answer for answer in answers if answer.get("items") == [] and "next" in answer)
    assert listed["next"] is None
