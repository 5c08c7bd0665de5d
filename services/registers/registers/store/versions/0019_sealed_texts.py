"""Free text is sealed: absence notices, batches and what came of them, answers that are kept."""

from typing import Any

from alembic import op
from common.sealed import Keyring
from common.sealing import has_column, rename, rewrite, seal_answers, seal_rows

revision = "0019"
down_revision = "0018"

NOTICE = ("giver", "relation", "reason", "noted_by", "why")
BEGIN = (
    "alter table absence_notice add column if not exists said bytea, alter column plain_giver drop not null",
    "alter table batch_part add column if not exists sealed bytea",
    "alter table batch_result add column if not exists sealed bytea, add column if not exists sealed_errors bytea",
)
NOTICES = """
select notice_id || '/' || version as place, plain_giver, plain_relation, plain_reason, plain_noted_by, plain_why
from absence_notice where said is null and notice_id || '/' || version > :after order by 1 limit :most
"""
SEAL_NOTICES = """
update absence_notice as n set said = s.said from unnest(cast(:a as text[]), cast(:b as bytea[])) as s(place, said)
where n.notice_id || '/' || n.version = s.place
"""
PARTS = """
select job_id || '/' || first_byte as place, plain_body from batch_part
where sealed is null and job_id || '/' || first_byte > :after order by 1 limit :most
"""
SEAL_PARTS = """
update batch_part as p set sealed = s.sealed from unnest(cast(:a as text[]), cast(:b as bytea[])) as s(place, sealed)
where p.job_id || '/' || p.first_byte = s.place
"""
RESULTS = """
select job_id || '/' || piece as place, plain_body, plain_errors from batch_result
where sealed is null and job_id || '/' || piece > :after order by 1 limit :most
"""
SEAL_RESULTS = """
update batch_result as r set sealed = s.sealed, sealed_errors = s.errors
from unnest(cast(:a as text[]), cast(:b as bytea[]), cast(:c as bytea[])) as s(place, sealed, errors)
where r.job_id || '/' || r.piece = s.place
"""
PIECES = 20
"""At once: each may have a megabyte."""
END = (
    "alter table absence_notice alter column said set not null",
    *(f"alter table absence_notice drop column plain_{column}" for column in NOTICE),
    "alter table batch_part alter column sealed set not null, drop column plain_body",
    "alter table batch_result alter column sealed set not null, drop column plain_body, drop column plain_errors",
)


def upgrade() -> None:
    """Seals what is there, at once, but for the texts of marks and registers: their tables are the big ones, older rows
    are read as they are, and a rotation of the keys seals them.
    """
    if has_column("absence_notice", "giver") or has_column("absence_notice", "plain_giver"):
        _seal()
    seal_answers()
    rewrite(["absence_notice", "batch_part", "batch_result", "answered"])
    op.execute("alter table submission add column if not exists taker bytea")


def _seal() -> None:
    for column in NOTICE:
        rename("absence_notice", column, f"plain_{column}")
    for table, column in (("batch_part", "body"), ("batch_result", "body"), ("batch_result", "errors")):
        rename(table, column, f"plain_{column}")
    for statement in BEGIN:
        op.execute(statement)
    seal_rows(NOTICES, SEAL_NOTICES, _notice, first="")
    seal_rows(PARTS, SEAL_PARTS, _part, first="", most=PIECES)
    seal_rows(RESULTS, SEAL_RESULTS, _result, first="", most=PIECES)
    for statement in END:
        op.execute(statement)


def _notice(ring: Keyring, row: Any) -> tuple[str, bytes]:
    place, *said = row
    return place, ring.seal_json(said, f"absence_notice/{place}")


def _part(ring: Keyring, row: Any) -> tuple[str, bytes]:
    return row.place, ring.seal(row.plain_body, f"batch_part/{row.place}")


def _result(ring: Keyring, row: Any) -> tuple[str, bytes, bytes | None]:
    place, errors = f"batch_result/{row.place}", row.plain_errors
    sealed_errors = None if errors is None else ring.seal(errors, f"{place}/errors")
    return row.place, ring.seal(row.plain_body, place), sealed_errors
