"""Every column that could hold what people are called, or wrote, is sealed or says why not; and no sealed one is
forgotten when the keys are rotated.
"""

import csv
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ARRAY, LargeBinary, String
from sqlalchemy.dialects.postgresql import JSONB

PACKAGES = ["registers", "absence_engine", "casework", "notifications"]
LISTED = Path(__file__).with_name("columns.csv")
"""package, table, column, sealed or plain, and of a plain one why."""
SEALED_IN_PART = {("registers", "mark", "details"), ("registers", "unresolved", "details")}


def columns(package: str) -> set[tuple[str, str]]:
    """The columns of a service that can hold text, by table."""
    metadata = import_module(f"{package}.store.tables").metadata
    texts = (String, JSONB, LargeBinary)

    def holds_text(kind: Any) -> bool:
        return isinstance(kind, texts) or (isinstance(kind, ARRAY) and isinstance(kind.item_type, texts))

    return {(t.name, c.name) for t in metadata.tables.values() for c in t.columns if holds_text(c.type)}


def listed(package: str) -> dict[tuple[str, str], tuple[str, str]]:
    with LISTED.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["package"] == package]
    found = {(row["table"], row["column"]): (row["kept"], row["why"]) for row in rows}
    assert len(found) == len(rows), "a column is listed twice"
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_column_that_can_hold_text_is_sealed_or_says_why_not(package: str) -> None:
    said = listed(package)
    assert columns(package) - said.keys() == set(), "list it in columns.csv: can it hold what somebody is called?"
    assert said.keys() - columns(package) == set()
    assert all(kept == "sealed" or (kept == "plain" and why) for kept, why in said.values())


@pytest.mark.parametrize("package", PACKAGES)
def test_a_rotation_of_the_keys_forgets_no_sealed_column(package: str) -> None:
    sealed = {column for column, (kept, _) in listed(package).items() if kept == "sealed"}
    if not sealed:
        return
    rotated = {(one.table, one.column) for one in import_module(f"{package}.store.rotating").SEALED}
    assert sealed - {(table, column) for of, table, column in SEALED_IN_PART if of == package} == rotated
