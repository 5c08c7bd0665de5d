"""Sealing, in migrations, what was kept in the clear before: in chunks, each committed, under the keys of the service.

The version first gives the plain columns other names, so that older code, which would go on writing them, stops. Then
it seals row by row (`seal_rows`), drops the plain columns and has the tables written anew (`rewrite`), for what was
dropped would still be in their files. Killed on the way, it is begun again and goes on from the last chunk.
"""

from collections.abc import Callable, Sequence
from typing import Any

from alembic import op
from sqlalchemy import text

from common.idempotency import answer_place
from common.sealed import Keyring
from common.settings import NoKeysError

CHUNK = 5000
FIRST_ID = "00000000-0000-0000-0000-000000000000"
HAS_COLUMN = text(
    "select exists (select from information_schema.columns"
    " where table_schema = current_schema() and table_name = :table and column_name = :column)"
)


class StillPlainError(Exception):
    """Something in the clear was not sealed, and would be lost or stay as it is if the version went on."""


def has_column(table: str, column: str) -> bool:
    """Whether a table has a column (still, or already)."""
    return bool(op.get_bind().scalar(HAS_COLUMN, {"table": table, "column": column}))


def rename(table: str, column: str, to: str) -> None:
    """Gives a column another name, unless that was done before the version was begun again."""
    if has_column(table, column):
        op.execute(f"alter table {table} rename column {column} to {to}")


def seal_rows(
    read: str, write: str, seal: Callable[[Keyring, Any], Sequence[Any]], first: str = FIRST_ID, most: int | None = None
) -> None:
    """Seals rows in chunks. `read` selects the next `:most` rows that are still in the clear, by their first column
    from the one after `:after` on (`first` to begin with); `write` takes an array of each value that `seal` makes of a
    row: `:a`, `:b`, and so on. `most`: rows in a chunk, `CHUNK` unless told. Commits what the version
    has done so far, and each chunk.

    NoKeysError when there is something to seal and nothing to seal it with.
    """
    with op.get_context().autocommit_block():
        after = first
        while rows := op.get_bind().execute(text(read), {"most": most or CHUNK, "after": after}).all():
            ring, after = _keyring(), str(rows[-1][0])
            columns = zip(*(seal(ring, row) for row in rows), strict=True)
            op.get_bind().execute(text(write), dict(zip("abcdefgh", map(list, columns), strict=False)))


def check_sealed(table: str, left: str) -> None:
    """StillPlainError while a table has rows that are `left`, a condition, in the clear."""
    # Conditions come from the versions, never from a request.
    if count := op.get_bind().scalar(text(f"select count(*) from {table} where {left}")):  # noqa: S608
        raise StillPlainError(f"{count} rows of {table} are still in the clear: nothing was dropped")


ANSWERS = """
select subject || chr(1) || key as place, subject, key, plain_answer from answered
where sealed is null and subject || chr(1) || key > :after order by 1 limit :most
"""
SEAL_ANSWERS = """
update answered as a set sealed = s.sealed from unnest(cast(:a as text[]), cast(:b as bytea[])) as s(place, sealed)
where a.subject || chr(1) || a.key = s.place
"""


def seal_answers() -> None:
    """Seals the common table `answered`."""
    if has_column("answered", "answer") or has_column("answered", "plain_answer"):
        rename("answered", "answer", "plain_answer")
        op.execute("alter table answered add column if not exists sealed bytea")
        seal_rows(ANSWERS, SEAL_ANSWERS, _answer, first="")
        op.execute("alter table answered alter column sealed set not null, drop column plain_answer")


def _answer(ring: Keyring, row: Any) -> tuple[str, bytes]:
    return row.place, ring.seal(row.plain_answer, answer_place(row.subject, row.key))


def rewrite(tables: Sequence[str]) -> None:
    """Writes tables anew, without what was dropped from them; nobody reads them meanwhile. Commits."""
    with op.get_context().autocommit_block():
        for table in tables:
            op.execute(f"vacuum full {table}")


def _keyring() -> Keyring:
    config = op.get_context().config
    ring: Keyring | None = None if config is None else config.attributes.get("keyring")
    if ring is None:
        raise NoKeysError("the database holds personal data in the clear, to be sealed with ROLLCALL_KEYS")
    return ring
