"""Links of the OpenAPI document: what a caller may do with an answer, and which parts of it that takes.

Each service has a table of its own: for an operation, those that may follow it, each with its parameters as runtime
expressions. One whose operation another process serves is left out of the document.
"""

from collections.abc import Iterable, Mapping
from typing import Any

Expressions = dict[str, str]
Links = Mapping[str, Mapping[str, Expressions]]
"""Operation -> what may follow it -> its parameters."""


def asked(*names: str) -> Expressions:
    """Parameters that are the same as in the path that was asked for."""
    return {name: f"$request.path.{name}" for name in names}


def told(**pointers: str) -> Expressions:
    """Parameters out of the answer, by JSON pointer."""
    return {name: f"$response.body#{pointer}" for name, pointer in pointers.items()}


def add(document: dict[str, Any], tables: Iterable[Links]) -> None:
    """Puts the links into the good answers of a document's operations."""
    operations = {
        operation["operationId"]: operation for methods in document["paths"].values() for operation in methods.values()
    }
    for table in tables:
        for source, targets in table.items():
            there = {
                target: {"operationId": target, "parameters": parameters, "description": operations[target]["summary"]}
                for target, parameters in targets.items()
                if target in operations
            }
            for status, answer in operations[source]["responses"].items():
                if status.startswith("2") and there:
                    answer.setdefault("links", {}).update(there)
