"""Between rows and frozen values, for tables whose columns are a value's fields: a revision is the columns epoch
and revision. A field with the metadata `{"kept": False}` has no column.

`insert` and `upsert` write the statement that keeps a whole batch, each column read as the table's type; `as_json` is
its parameter. `read` makes a value of a row; columns that the value does not have are passed over, so that old code
runs on a new schema.
"""

from collections.abc import Sequence
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

import asyncpg
import msgspec

from common.events import Revision

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = TypeVar("Value", bound="DataclassInstance")


def insert(table: str, kind: "type[DataclassInstance]") -> str:
    """The statement that adds a batch of values and leaves alone what is there."""
    return f"{_insert(table, _columns(kind))} on conflict do nothing"


def upsert(table: str, kind: "type[DataclassInstance]", key: str, *, newer: bool = False) -> str:
    """The statement that adds a batch of values or replaces those with the same key, with `newer` only by higher
    revisions.
    """
    columns = _columns(kind)
    replaced = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    only = f" where (excluded.epoch, excluded.revision) > ({table}.epoch, {table}.revision)" if newer else ""
    return f"{_insert(table, columns)} on conflict ({key}) do update set {replaced}{only}"


def as_json(values: "Sequence[DataclassInstance]") -> str:
    """The values as a JSON array of rows."""
    return msgspec.json.encode([_row(value) for value in values]).decode()


def read(kind: type[Value], row: asyncpg.Record) -> Value:
    """The value of class `kind` in a row; ids become text, arrays tuples."""
    found = {field.name: _plain(row[field.name]) for field in _kept(kind) if field.name != "revision"}
    if "revision" in row:
        found["revision"] = Revision(row["epoch"], row["revision"])
    return kind(**found)


def _kept(kind: "type[DataclassInstance] | DataclassInstance") -> "list[Field[Any]]":
    return [field for field in fields(kind) if field.metadata.get("kept", True)]


def _columns(kind: "type[DataclassInstance]") -> list[str]:
    names = [field.name for field in _kept(kind)]
    return [*(name for name in names if name != "revision"), *(["epoch", "revision"] if "revision" in names else [])]


def _insert(table: str, columns: Sequence[str]) -> str:
    # Names come from the code, never from a request.
    listed = ", ".join(columns)
    return f"insert into {table} ({listed}) select {listed} from json_populate_recordset(null::{table}, $1::json)"  # noqa: S608


def _row(value: "DataclassInstance") -> dict[str, Any]:
    row = {field.name: getattr(value, field.name) for field in _kept(value)}
    revision = row.get("revision")
    return row | {"epoch": revision.epoch, "revision": revision.count} if isinstance(revision, Revision) else row


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
