"""The table of parents' absence notices. Like marks they stay under the id that they were given for: a merge moves
none, and whoever reads asks for all ids of the child.
"""

import datetime as dt
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlmodel import Field

from registers.store.table import Table, column, key


class AbsenceNotice(Table, table=True):
    """A notice as it was from one change to the next; `current` is what it says now. `number` rises with each row of a
    school. `last_on` null: nobody knew until when. `said` seals who gave it, as the contact was called then, the
    reason, and who noted it and why. `subject`, `idempotency_key`, `fingerprint`: who sent the first version, under
    which key, and what.
    """

    __table_args__ = (
        Index("absence_notice_day", "urn", "first_on", postgresql_where=text("current")),
        Index("absence_notice_pupil", "pupil_id"),
        Index("absence_notice_idempotency", "urn", "subject", "idempotency_key", postgresql_where=text("version = 1")),
    )
    notice_id: UUID = key(Uuid)
    version: int = key(Integer)
    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))
    current: bool
    urn: int
    pupil_id: UUID = column(Uuid)
    state: str = column(Text)
    contact_id: UUID | None = column(Uuid, null=True)
    channel: str = column(Text)
    given_at: dt.datetime = column(DateTime(timezone=True))
    first_on: dt.date
    first_session: int = column(SmallInteger)
    last_on: dt.date | None = Field(default=None)
    last_session: int | None = column(SmallInteger, null=True)
    suggested_code: str | None = column(Text, null=True)
    noted_at: dt.datetime = column(DateTime(timezone=True))
    said: bytes = column(LargeBinary)
    subject: str | None = column(Text, null=True)
    idempotency_key: str | None = column(Text, null=True)
    fingerprint: str | None = column(Text, null=True)
