"""Why a personal target is asked of a child, and who says so, is sealed."""

from typing import Any

from alembic import op
from common.sealed import Keyring
from common.sealing import has_column, rename, rewrite, seal_rows

revision = "0018"
down_revision = "0017"

TARGETS = """
select pupil_id::text as pupil_id, plain_reason, plain_said_by from personal_target
where said is null and pupil_id > cast(:after as uuid) order by pupil_id limit :most
"""
SEAL_TARGETS = """
update personal_target as t set said = s.said from unnest(cast(:a as uuid[]), cast(:b as bytea[])) as s(pupil_id, said)
where t.pupil_id = s.pupil_id
"""
END = """
alter table personal_target alter column said set not null, drop column plain_reason, drop column plain_said_by
"""


def upgrade() -> None:
    """Seals what is there."""
    if has_column("personal_target", "reason") or has_column("personal_target", "plain_reason"):
        rename("personal_target", "reason", "plain_reason")
        rename("personal_target", "said_by", "plain_said_by")
        op.execute("alter table personal_target add column if not exists said bytea")
        seal_rows(TARGETS, SEAL_TARGETS, _target)
        op.execute(END)
    rewrite(["personal_target"])


def _target(ring: Keyring, row: Any) -> tuple[str, bytes]:
    return row.pupil_id, ring.seal_json((row.plain_reason, row.plain_said_by), f"personal_target/{row.pupil_id}")
