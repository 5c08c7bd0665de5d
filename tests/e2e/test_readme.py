"""README tells the truth: its calls work when they are pasted, its files exist, its table has every setting."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from common.settings import Settings

from tests.e2e.product import ROLLCALL, embedded

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_calls_lead_from_nothing_to_a_crossing_that_explains_itself(tmp_path: Path) -> None:
    calls = next(block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "api PUT" in block)
    with embedded(tmp_path / "data", "2025-11-28") as product:
        port = product.urls["registers"].rpartition(":")[2]
        pasted = calls.replace(".venv/bin/rollcall", ROLLCALL).replace(":8080", f":{port}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", pasted], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"], "nothing is left in the working folder"
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [answer for answer in answers if "correlation_id" in answer]
    assert answers[-3]["child"]["absence_percent"] == "50.00"
    assert {episode["kind"] for episode in answers[-2]["items"]} >= {"PA", "SA", "AT_RISK"}
    assert "1 of 2 possible sessions" in answers[-1]["sentence"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"(?:services|libs|tests|docs|scripts|\.ci)/[\w./-]*\w", document.read_text(encoding="utf-8"))
    missing = {name for name in named if not (ROOT / name).exists()}
    assert not missing


def test_the_picture_shows_files_that_a_reader_opens_first() -> None:
    picture = next(iter(re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)))
    boxes = re.findall(r'\["([^"]+?)<br/>', picture)
    assert len(boxes) >= 8
    for box in boxes:
        assert (ROOT / box).is_file(), box
        assert (ROOT / box).read_text(encoding="utf-8").startswith('"""'), f"{box} does not say what it is"


def test_the_table_has_every_setting() -> None:
    missing = [name for name in Settings.model_fields if f"`ROLLCALL_{name.upper()}`" not in README]
    assert not missing
