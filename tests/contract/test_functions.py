"""docs/functions.csv: what the source documents ask for, row by row, and what serves it. What a line names exists."""

import ast
import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.product import Product

ROOT = Path(__file__).parents[2]
COLUMNS = ["id", "function", "served_by", "kind", "test", "note"]
KINDS = {"operationId", "event", "report", "not-software", "later"}
"""`report`: a command of `rollcall`. `not-software` and `later` name nothing, and their note says why or what comes."""
LINES = list(csv.DictReader((ROOT / "docs" / "functions.csv").read_text(encoding="utf-8").splitlines()))
COMMANDS = {"audit", "conformance", "demo", "republish", "token", "up"}


@pytest.fixture(scope="module")
def operations(product: Product) -> set[str]:
    document: dict[str, Any] = httpx.get(f"{product.urls['registers']}/openapi.json").json()
    return {found["operationId"] for methods in document["paths"].values() for found in methods.values()}


@pytest.fixture(scope="module")
def event_types(product: Product) -> set[str]:
    """`registers.session-marked` for `uk.rollcall.registers.session-marked.v1`."""
    document: dict[str, Any] = httpx.get(f"{product.urls['registers']}/asyncapi.json").json()
    return {kind.removeprefix("uk.rollcall.").rpartition(".")[0] for kind in document["components"]["messages"]}


@cache
def names_in(path: str) -> set[str]:
    """The names of the tests of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_row_of_the_documents_has_one_line() -> None:
    assert list(LINES[0]) == COLUMNS
    ids = [line["id"] for line in LINES]
    assert all(re.fullmatch(r"M\d{3}", one) for one in ids)
    assert ids == sorted(set(ids))
    assert all(line["function"] for line in LINES)


def test_whatever_a_line_says_serves_it_exists(operations: set[str], event_types: set[str]) -> None:
    known = {"operationId": operations, "event": event_types, "report": COMMANDS}
    for line in LINES:
        kinds, served_by = set(line["kind"].split()), set(line["served_by"].split())
        assert kinds <= KINDS, line["id"]
        named = [known[kind] for kind in kinds if kind in known]
        assert served_by <= set[str]().union(*named), line["id"]
        assert all(served_by & names for names in named), line["id"]


def test_a_line_that_is_not_served_yet_or_never_says_why() -> None:
    for line in LINES:
        if set(line["kind"].split()) & {"not-software", "later"}:
            assert line["note"].endswith("."), line["id"]
        else:
            assert line["served_by"], line["id"]
            assert line["test"], line["id"]


def test_the_tests_that_a_line_names_exist() -> None:
    for line in LINES:
        for named in line["test"].split():
            path, _, name = named.partition("::")
            assert (ROOT / path).is_file(), (line["id"], path)
            assert name in names_in(path), (line["id"], name)
