"""Sealing anew, under the current key, what older keys have sealed: in chunks, each a transaction, while services work.

A service lists its sealed columns (`store/rotating.py`; a test finds one that is missing). A row that somebody changes
meanwhile is left to him, who seals with the current key; what is current already is passed over. So it does not matter
where a rotation is cut off, or how often it is done. Who moves a row may bring it behind the pass:
whoever wants all sealed rotates until nothing was left to change.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from common.db import Database, Transaction, keyring
from common.sealed import start_of

CHUNK = 1000
LARGE = 20
"""Rows in a chunk of a column whose values may have a megabyte each."""


class Sealed(NamedTuple):
    """A sealed column. `key`: the columns of the primary key, with their types, in order; `place`: what its values are
    sealed for, as a format of these, or made of the row. `most`: rows in a chunk.
    """

    table: str
    column: str
    key: Mapping[str, str]
    place: str | Callable[[Any], str]
    most: int = CHUNK

    def place_of(self, row: Any) -> str:
        """What the value of a row is sealed for."""
        return self.place.format(**row) if isinstance(self.place, str) else self.place(row)


Place: TypeAlias = list[Any]
"""The primary key after which a chunk begins."""
Chunk: TypeAlias = "Callable[[Transaction, Place | None], Awaitable[tuple[Place, int] | None]]"
"""Seals the next rows after a place (None: from the beginning): where they end, and how many it changed; None when
there are none.
"""


async def rotate(database: Database, columns: Sequence[Sealed]) -> dict[str, int]:
    """Seals these columns anew where another key than the current one has; how many values, by table and column."""
    return {f"{one.table}.{one.column}": await in_chunks(database, partial(_chunk, one)) for one in columns}


async def in_chunks(database: Database, chunk: Chunk) -> int:
    """Goes from chunk to chunk, each in a transaction; how many values were changed."""
    last: Place | None = None
    total = 0
    while True:
        begin = last

        async def work(tx: Transaction, begin: Place | None = begin) -> tuple[Place, int] | None:
            return await chunk(tx, begin)

        done = await database.in_transaction(work)
        if done is None:
            return total
        last, total = done[0], total + done[1]


async def _chunk(of: Sealed, tx: Transaction, last: Place | None) -> tuple[Place, int] | None:
    ring = keyring(tx)
    rows = await tx.fetch(_select(of, is_first=last is None), of.most, ring.header, *(last or ()))
    if not rows:
        return None
    places = [of.place_of(row) for row in rows]
    new = [ring.seal(ring.open(row[of.column], place), place) for row, place in zip(rows, places, strict=True)]
    old = [start_of(row[of.column]) for row in rows]
    done = await tx.execute(_update(of), *([row[name] for row in rows] for name in of.key), new, old)
    return [rows[-1][name] for name in of.key], int(done.rpartition(" ")[2])


def _select(of: Sealed, *, is_first: bool) -> str:
    names = ", ".join(of.key)
    marks = ", ".join(f"${number}::{kind}" for number, kind in enumerate(of.key.values(), start=3))
    after = "" if is_first else f"and ({names}) > ({marks})"
    # Names come from the code, never from a request.
    return f"""
    select {names}, {of.column} from {of.table}
    where substring({of.column} for length($2::bytea)) <> $2 {after} order by {names} limit $1
    """  # noqa: S608


def _update(of: Sealed) -> str:
    names = ", ".join(of.key)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(of.key.values(), start=1))
    same = " and ".join(f"t.{name} = s.{name}" for name in of.key)
    return f"""
    update {of.table} as t set {of.column} = s.new
    from unnest({arrays}, ${len(of.key) + 1}::bytea[], ${len(of.key) + 2}::bytea[]) as s({names}, new, old)
    where {same} and substring(t.{of.column} for length(s.old)) = s.old
    """  # noqa: S608
