"""The tables of registers: what was sent, what stands, and the ledger that says so.

`school`, `calendar`, `pupil`, `school_pupil` and `enrolment` are what schools have told, and so is what `people_tables`
holds: contacts, flags, plans. `submission` and `mark` are every register and deletion that was kept, with what was last
decided about each mark; `unresolved` are marks whose pupil the school does not know yet. `ledger` is what has been
announced, `outbox` which of it is still to be published. `evaluated` notes the day and the code table that the standing
marks were last judged by, `rejudging` what large changes have left to be judged in chunks. `connection` is how schools'
registers reach us, `answered` (common) what requests with an idempotency key came to. What `batch_tables` holds are
batches of registers on their way; `notice_tables`, what parents told; `consumer_tables`, what is agreed with clients.

There are no foreign keys: rows are written by this service alone, under the lock of their school's row.
"""

import datetime as dt
from typing import Any
from uuid import UUID

from common.tables import answered
from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from registers.store import batch_tables, consumer_tables, notice_tables, people_tables
from registers.store.table import Table, metadata
from registers.store.table import column as _column
from registers.store.table import key as _key

answered(metadata)
__all__ = ["Table", "batch_tables", "consumer_tables", "metadata", "notice_tables", "people_tables"]


class School(Table, table=True):
    """A school, and where its ledger ends. Its row is the lock of every write about it. `converted`: its pupils have
    gone on at its successor.
    """

    urn: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = _column(Text)
    la_code: str = _column(Text)
    laestab: str = _column(Text)
    phase: str = _column(Text)
    opened_on: dt.date | None = Field(default=None)
    closed_on: dt.date | None = Field(default=None)
    trust: str | None = _column(Text, null=True)
    locality: str | None = _column(Text, null=True)
    predecessor_urn: int | None = Field(default=None)
    successor_urn: int | None = Field(default=None)
    converted: bool = Field(sa_column_kwargs={"server_default": text("false")})
    last_number: int = _column(BigInteger, server_default=text("0"))
    last_entry: UUID | None = _column(Uuid, null=True)


class SchoolLa(Table, table=True):
    """From which day on a school belongs to an authority; no row for one that never moved."""

    urn: int = Field(primary_key=True)
    from_date: dt.date = Field(primary_key=True)
    la_code: str = _column(Text)


class Calendar(Table, table=True):
    """That a school has given its calendar of an academic year; the open sessions are the days."""

    urn: int = Field(primary_key=True)
    academic_year: int = _key(SmallInteger)
    terms: list[dict[str, Any]] = _column(JSONB, server_default=text("'[]'"))


class CalendarDay(Table, table=True):
    """A day with an open session; days that are not here are closed. `am_groups`, `pm_groups`: the only year groups for
    which the session is open; null for all.
    """

    urn: int = Field(primary_key=True)
    date: dt.date = Field(primary_key=True)
    am: bool
    pm: bool
    am_groups: list[int] | None = _column(ARRAY(SmallInteger), null=True)
    pm_groups: list[int] | None = _column(ARRAY(SmallInteger), null=True)


class NamedDay(Table, table=True):
    """What a day is beside open or closed: INSET, a holiday, a closure; or why."""

    urn: int = Field(primary_key=True)
    date: dt.date = Field(primary_key=True)
    kind: str = _column(Text)
    reason: str | None = _column(Text, null=True)


class RegisterTimes(Table, table=True):
    """When registers open and close in a year, by session; `year_group` -99 for all that have no line of their own."""

    urn: int = Field(primary_key=True)
    academic_year: int = _key(SmallInteger)
    session: int = _key(SmallInteger)
    year_group: int = _key(SmallInteger)
    opens: dt.time
    closes: dt.time
    ends: dt.time | None = Field(default=None)


class YearGroup(Table, table=True):
    """The year group in which a school taught a child in an academic year, where it is not the one that follows from
    the year before.
    """

    urn: int = Field(primary_key=True)
    pupil_id: UUID = _key(Uuid)
    academic_year: int = _key(SmallInteger)
    year_group: int | None = _column(SmallInteger, null=True)


class Pupil(Table, table=True):
    """A child; `names` seals given and family name. One that turned out to be another child has no UPN any more, and
    names the child that lives (`survivor`) and the one that it was merged into, which may have died itself.
    `identity_version` rises with its merges and splits. `year_group_in`: the academic year in which `year_group` was
    said. `sex`: female, male. `households`, `not_siblings`: what was told last (`registers.domain.households`).
    """

    __table_args__ = (Index("pupil_survivor", "survivor", postgresql_where=text("survivor is not null")),)
    pupil_id: UUID = _key(Uuid)
    upn_key: str | None = Field(sa_column=Column(Text, nullable=True, unique=True))
    names: bytes = _column(LargeBinary)
    date_of_birth: dt.date | None = Field(default=None)
    year_group: int | None = _column(SmallInteger, null=True)
    year_group_in: int | None = _column(SmallInteger, null=True)
    sex: str | None = _column(Text, null=True)
    flags: list[str] = _column(ARRAY(Text))
    households: list[str] = _column(ARRAY(Text), server_default=text("'{}'"))
    not_siblings: list[str] = _column(ARRAY(Text), server_default=text("'{}'"))
    version: int = _column(BigInteger)
    survivor: UUID | None = _column(Uuid, null=True)
    merged_into: UUID | None = _column(Uuid, null=True)
    identity_version: int = _column(BigInteger, server_default=text("0"))


class KnownUpn(Table, table=True):
    """A UPN that was ever given or asked for, sealed. Everywhere else its key stands for it: a hash of it."""

    upn_key: str = _key(Text)
    sealed: bytes = _column(LargeBinary)


class Upn(Table, table=True):
    """A UPN that a child has had: present until `replaced_at`; from `taken_at` on it means another child."""

    __table_args__ = (Index("upn_pupil", "pupil_id"),)
    upn_key: str = _key(Text)
    pupil_id: UUID = _key(Uuid)
    given_at: dt.datetime = _column(DateTime(timezone=True))
    replaced_at: dt.datetime | None = _column(DateTime(timezone=True), null=True)
    taken_at: dt.datetime | None = _column(DateTime(timezone=True), null=True)


class IdentityChange(Table, table=True):
    """A merge or a split: `pupil_id` lived on, `other` died, lives again or is new. `said` seals why, who says so, and
    what went with it; `upn_key`: of the UPN that went with it.
    """

    __table_args__ = (Index("identity_change_pupil", "pupil_id"), Index("identity_change_other", "other"))
    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    change_id: UUID = Field(sa_column=Column(Uuid, nullable=False, unique=True))
    kind: str = _column(Text)
    pupil_id: UUID = _column(Uuid)
    other: UUID = _column(Uuid)
    restored: bool
    identity_version: int = _column(BigInteger)
    urn: int
    changed_at: dt.datetime = _column(DateTime(timezone=True))
    upn_key: str | None = _column(Text, null=True)
    said: bytes = _column(LargeBinary)


class SchoolPupil(Table, table=True):
    """A school's own name for a child; it always points at the id that lives."""

    __table_args__ = (Index("school_pupil_pupil", "pupil_id"),)
    urn: int = Field(primary_key=True)
    local_id: str = _key(Text)
    pupil_id: UUID = _column(Uuid)


class Enrolment(Table, table=True):
    """A stay on a roll, both dates inclusive. `planned_…`: the end that was said, where a closure came first. `went_to`
    seals where the child went, by that end and by the planned one.
    """

    __table_args__ = (Index("enrolment_pupil", "pupil_id"),)
    urn: int = Field(primary_key=True)
    pupil_id: UUID = _key(Uuid)
    from_date: dt.date = Field(primary_key=True)
    to_date: dt.date | None = Field(default=None)
    kind: str = _column(Text)
    home_la: str | None = _column(Text, null=True)
    leaving_reason: str | None = _column(Text, null=True)
    planned_end: dt.date | None = Field(default=None)
    planned_reason: str | None = _column(Text, null=True)
    registration_group: str | None = _column(Text, null=True)
    went_to: bytes | None = _column(LargeBinary, null=True)


class Submission(Table, table=True):
    """One register or deletion of which something was kept. `received` is drawn under the school's lock. `taker` seals
    who took it; `taken_by` has it in the clear, of registers that an older version took, until the keys are rotated.
    """

    received: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    urn: int
    date: dt.date
    session: int = _column(SmallInteger)
    kind: str = _column(Text)
    source_version: int | None = _column(BigInteger, null=True)
    taken_at: dt.datetime | None = _column(DateTime(timezone=True), null=True)
    taken_by: str | None = _column(Text, null=True)
    taker: bytes | None = _column(LargeBinary, null=True)
    received_at: dt.datetime = _column(DateTime(timezone=True))
    correlation_id: str = _column(Text)


class Mark(Table, table=True):
    """One entry of a slot; what was sent never changes, `rank`, `standing` and `problem` are the present verdict.

    `code` null is a deletion. `details`: see `store.details`. `place`: where in its register it stood. `unexplained`: a
    correction without reason or person. `sent_for`: the id it was sent for, where a split found it to be another
    child's.
    """

    __table_args__ = (
        Index("mark_in_quarantine", "urn", "date", "session", postgresql_where=text("problem is not null")),
        Index("mark_unexplained", "urn", "date", "session", postgresql_where=text("unexplained")),
        Index(
            "mark_detailed",
            "urn",
            "date",
            postgresql_where=text("details ?| array['arrived_at', 'reason_detail']"),
        ),
        Index("mark_not_established", "urn", "date", postgresql_where=text("standing and code = 'N'")),
    )
    urn: int = Field(primary_key=True)
    date: dt.date = Field(primary_key=True)
    session: int = _key(SmallInteger)
    pupil_id: UUID = _key(Uuid)
    received: int = _key(BigInteger)
    place: int = _key(SmallInteger)
    version: int | None = _column(BigInteger, null=True)
    rank: int = _column(BigInteger)
    code: str | None = _column(Text, null=True)
    standing: bool
    unexplained: bool
    problem: str | None = _column(Text, null=True)
    details: dict[str, Any] | None = _column(JSONB, null=True)
    sent_for: UUID | None = _column(Uuid, null=True)


class Unresolved(Table, table=True):
    """A mark whose pupil the school does not know yet, by the key that it gave: a local id, the key of a UPN, an id."""

    __table_args__ = (
        Index("unresolved_key", "urn", "key_kind", "key"),
        Index("unresolved_session", "urn", "date", "session"),
    )
    urn: int
    date: dt.date
    session: int = _column(SmallInteger)
    received: int = _key(BigInteger)
    place: int = _key(SmallInteger)
    key_kind: str = _column(Text)
    key: str = _column(Text)
    version: int | None = _column(BigInteger, null=True)
    code: str = _column(Text)
    details: dict[str, Any] | None = _column(JSONB, null=True)
    problem: str = _column(Text)


class Ledger(Table, table=True):
    """One entry of a school's ledger; `body` is the event as it goes on the topic."""

    urn: int = Field(primary_key=True)
    number: int = _key(BigInteger)
    entry_id: UUID = _column(Uuid)
    type: str = _column(Text)
    write_last: int = _column(BigInteger)
    body: bytes = _column(LargeBinary)


class Outbox(Table, table=True):
    """A ledger entry that is still to be published, or again."""

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    urn: int
    number: int = _column(BigInteger)


class Evaluated(Table, table=True):
    """What the standing marks were last judged by: `today` (a date) and `code-table` (its digest)."""

    what: str = _key(Text)
    value: str = _column(Text)


class Connection(Table, table=True):
    """How a school's registers reach us, and whether they do yet."""

    urn: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str = _column(Text)
    state: str = _column(Text)
    contact_role: str | None = _column(Text, null=True)
    since: dt.date | None = Field(default=None)
    changed_at: dt.datetime = _column(DateTime(timezone=True))


class Rejudging(Table, table=True):
    """What a change has left to be judged anew: the marks of `days`, of everybody (`sessions`) or of some `pupils` from
    their `firsts` to their `lasts` (`children`); or the marks that wait for pupils who are known by now (`arrivals`).

    `sessions`: how many were judged so far; `moved`: how many verdicts are others since.
    """

    __table_args__ = (Index("rejudging_school", "urn", "id"),)
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    urn: int
    what: str = _column(Text)
    begun_at: dt.datetime = _column(DateTime(timezone=True))
    days: list[dt.date] = _column(ARRAY(Date))
    pupils: list[UUID] = _column(ARRAY(Uuid))
    firsts: list[dt.date] = _column(ARRAY(Date))
    lasts: list[dt.date] = _column(ARRAY(Date))
    sessions: int = Field(sa_column_kwargs={"server_default": text("0")})
    moved: int = _column(BigInteger, server_default=text("0"))
    done: bool = Field(sa_column_kwargs={"server_default": text("false")})


class Chased(Table, table=True):
    """A mark N about which something was said: `due` or `overdue`. `due_on`: the school day on which it is overdue."""

    urn: int = Field(primary_key=True)
    date: dt.date = Field(primary_key=True)
    session: int = _key(SmallInteger)
    pupil_id: UUID = _key(Uuid)
    state: str = _column(Text)
    due_on: dt.date | None = Field(default=None)


class Missed(Table, table=True):
    """A register that had not come when it should have: how complete the session was when that was said, and how that
    ended (`received`, `not-expected`), if it has.
    """

    __table_args__ = (Index("missed_now", "date", "urn", postgresql_where=text("ended is null")),)
    urn: int = Field(primary_key=True)
    date: dt.date = Field(primary_key=True)
    session: int = _key(SmallInteger)
    closes_at: dt.datetime = _column(DateTime(timezone=True))
    announced_at: dt.datetime = _column(DateTime(timezone=True))
    marked: int
    expected: int
    ended: str | None = _column(Text, null=True)
    ended_at: dt.datetime | None = _column(DateTime(timezone=True), null=True)
