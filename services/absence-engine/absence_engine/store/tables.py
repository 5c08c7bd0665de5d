"""The tables of the absence engine, as SQLModel classes in a registry of their own; Alembic compares them with the
migrations.

`child` has a row for every id that a ledger ever named; a dead one names its `survivor`, always the living child.
`enrolment`, `sheet` and `pending` keep the id that the ledger used: a merge moves none of them. A session of an episode
is a date and 0 (AM) or 1 (PM). `engine` is one row.
"""

from datetime import date, datetime
from typing import Any

from common import tables
from common.academic import GRID
from common.access.store import consumer
from sqlalchemy import ARRAY, BigInteger, Column, Date, DateTime, Index, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import BIT, JSONB, UUID
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """The registry of the engine alone: other services have classes of the same names."""


def _id(*, key: bool = False, null: bool = False) -> Column[str]:
    return Column(UUID(as_uuid=False), primary_key=key, nullable=null)


def _small(*, key: bool = False, null: bool = False) -> Column[int]:
    return Column(SmallInteger, primary_key=key, nullable=null, autoincrement=False)


def _moment(*, null: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=null)


def _urn(*, key: bool = True) -> Column[int]:
    return Column(Integer, primary_key=key, nullable=False, autoincrement=False)


class Child(Base, table=True):
    """An id; `version` is that of the facts (0: none told yet).

    `year_group_in`: the academic year in which its year group was said.
    `parent` is whom it was merged into or, when it is `apart` again, split from, as `identity_version` has it. `told`
    rises whenever we say that it means another child.
    """

    __table_args__ = (Index("child_survivor", "survivor", postgresql_where=sql("survivor is not null")),)
    pupil_id: str = Field(sa_column=_id(key=True))
    survivor: str | None = Field(sa_column=_id(null=True))
    version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    date_of_birth: date | None = Field(sa_column=Column(Date))
    year_group: int | None = Field(sa_column=_small(null=True))
    year_group_in: int | None = Field(sa_column=_small(null=True))
    flags: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=sql("'{}'")))
    flag_spans: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'")))
    parent: str | None = Field(sa_column=_id(null=True))
    identity_version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    apart: bool = Field(sa_column_kwargs={"server_default": sql("false")})
    told: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))


class School(Base, table=True):
    """A school as its ledger tells it. `recalculating`: marks that a large change concerns are still being judged."""

    __table_args__ = (Index("school_la_code", "la_code"),)
    urn: int = Field(sa_column=_urn())
    name: str = Field(sa_type=Text)
    la_code: str = Field(sa_type=Text)
    phase: str = Field(sa_type=Text)
    trust: str | None = Field(sa_type=Text)
    locality: str | None = Field(sa_type=Text)
    recalculating: bool = Field(sa_column_kwargs={"server_default": sql("false")})


class SchoolLa(Base, table=True):
    """From which day on a school belongs to an authority; no row for one that never moved."""

    __tablename__ = "school_la"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    urn: int = Field(sa_column=_urn())
    from_date: date = Field(sa_column=Column(Date, primary_key=True))
    la_code: str = Field(sa_type=Text)


class Calendar(Base, table=True):
    """A school's academic year: 732 bytes, 1 where a session is open."""

    urn: int = Field(sa_column=_urn())
    year: int = Field(sa_column=_small(key=True))
    sessions: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Coverage(Base, table=True):
    """What the ledger says of the registers of a school's year, a bit for each place on its grid: that there are marks,
    and that it is missing all the same (there are too few).
    """

    urn: int = Field(sa_column=_urn())
    year: int = Field(sa_column=_small(key=True))
    marked: str = Field(sa_column=Column(BIT(GRID), nullable=False))
    missing: str = Field(sa_column=Column(BIT(GRID), nullable=False))


class Enrolment(Base, table=True):
    """A stay on a roll, both days inclusive; `registration_group` is the class."""

    __table_args__ = (Index("enrolment_urn", "urn"),)
    pupil_id: str = Field(sa_column=_id(key=True))
    urn: int = Field(sa_column=_urn())
    from_date: date = Field(sa_column=Column(Date, primary_key=True))
    to_date: date | None = Field(sa_column=Column(Date))
    kind: str = Field(sa_type=Text)
    registration_group: str | None = Field(sa_type=Text)


class PersonalTarget(Base, table=True):
    """The attendance (basis points) that is asked of a child for a time, and why: no ledger tells it, a rebuild keeps
    it. Under whichever id it was said it goes with that id. `said` seals the reason and who says so.
    """

    __tablename__ = "personal_target"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    pupil_id: str = Field(sa_column=_id(key=True))
    attendance: int
    from_date: date
    to_date: date | None = Field(sa_column=Column(Date))
    said: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    said_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Sheet(Base, table=True):
    """A year of marks, packed (`packing`)."""

    __table_args__ = (Index("sheet_urn", "urn", "year"),)
    pupil_id: str = Field(sa_column=_id(key=True))
    urn: int = Field(sa_column=_urn())
    year: int = Field(sa_column=_small(key=True))
    marks: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Episode(Base, table=True):
    """An announced episode; `year` is null for kinds that run over the years. `event` is what was announced last.

    `origin` is the id under which it began: it belongs to the child that this id means. What explains it is in
    `evidence` (`explanations`); in `explanation` and `sequence` where an earlier version has written it.
    """

    __table_args__ = (
        Index("episode_origin", "origin"),
        Index("episode_without_origin", "pupil_id", postgresql_where=sql("origin is null")),
        Index(
            "episode_worklist",
            "state",
            "kind",
            "crossed_on",
            "crossed_session",
            "episode_id",
            postgresql_include=["school_urn"],
        ),
    )
    episode_id: str = Field(sa_column=_id(key=True))
    pupil_id: str = Field(sa_column=_id())
    kind: str = Field(sa_type=Text)
    year: int | None = Field(sa_column=_small(null=True))
    state: str = Field(sa_type=Text)
    provisional: bool
    crossed_on: date
    crossed_session: int = Field(sa_column=_small())
    firm_on: date | None
    firm_session: int | None = Field(sa_column=_small(null=True))
    ended_on: date | None
    ended_session: int | None = Field(sa_column=_small(null=True))
    ended_reason: str | None = Field(sa_type=Text)
    reversed_at: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    last_mark_on: date
    last_mark_session: int = Field(sa_column=_small())
    school_urn: int
    epoch: int
    revision: int
    hash: str = Field(sa_type=Text)
    policy_version: str = Field(sa_type=Text)
    event: str = Field(sa_type=Text)
    explanation: dict[str, Any] | None = Field(sa_column=Column(JSONB))
    sequence: list[Any] | None = Field(sa_column=Column(JSONB))
    origin: str | None = Field(sa_column=_id(null=True))
    evidence: bytes | None = Field(sa_column=Column(LargeBinary))


class Pattern(Base, table=True):
    """A pattern of absence as it was said last; `gone_at` is null while it stands. `origin` is as in `Episode`;
    `detail` holds its sentence, sessions and numbers.
    """

    __table_args__ = (
        Index("pattern_origin", "origin"),
        Index("pattern_school", "school_urn", "detected_at", "pattern_id"),
    )
    pattern_id: str = Field(sa_column=_id(key=True))
    origin: str = Field(sa_column=_id())
    kind: str = Field(sa_type=Text)
    what: str = Field(sa_type=Text)
    year: int = Field(sa_column=_small())
    school_urn: int
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    policy_version: str = Field(sa_type=Text)
    detected_at: datetime = Field(sa_column=_moment())
    gone_at: datetime | None = Field(sa_column=_moment(null=True))
    epoch: int
    revision: int


class Household(Base, table=True):
    """A code of those that were told last of an id: two living children who share one are siblings on the days of both,
    unless they share one that says `apart`.
    """

    __table_args__ = (Index("household_code", "code"),)
    pupil_id: str = Field(sa_column=_id(key=True))
    place: int = Field(sa_column=_small(key=True))
    code: str = Field(sa_column=_id())
    from_date: date | None
    to_date: date | None
    apart: bool


class PatternLook(Base, table=True):
    """When a school was last looked at for patterns: up to which entry of its ledger, the last school day whose marks
    had all come, on which day, by which turn of the policies. All null before the first time.
    """

    __tablename__ = "pattern_look"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    urn: int = Field(sa_column=_urn())
    sequence: int | None = Field(sa_column=Column(BigInteger))
    day: date | None
    looked_on: date | None
    policy_turn: int | None = Field(sa_column=Column(BigInteger))


class MarkDay(Base, table=True):
    """A school's day: 17 bytes for each change of a mark, or of the first marks of a group of pupils
    (`domain.history`): what stood before, until which entry, and when.
    """

    __tablename__ = "mark_day"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    urn: int = Field(sa_column=_urn())
    day: date = Field(sa_column=Column(Date, primary_key=True))
    changes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class MarkGroup(Base, table=True):
    """Pupils of a school who got their first marks of some session by one entry."""

    __tablename__ = "mark_group"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    urn: int = Field(sa_column=_urn())
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    pupils: list[str] = Field(sa_column=Column(ARRAY(UUID(as_uuid=False)), nullable=False))


class Pending(Base, table=True):
    """A child that a school's ledger has touched in a write that is not complete, or not yet past a rebuild."""

    __table_args__ = (Index("pending_pupil_id", "pupil_id"),)
    urn: int = Field(sa_column=_urn())
    pupil_id: str = Field(sa_column=_id(key=True))


class Engine(Base, table=True):
    """The one row: `epoch` rises with every rebuild, `policy_turn` whenever another policy may hold for somebody.
    `policy_day` is the day by which policies are in force: today, once that has been noticed. `history_from`: since
    when it is kept what stood before; null when that is known from the ledgers' first entries on.
    """

    id: int = Field(sa_column=_small(key=True))
    epoch: int
    policy_turn: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    policy_day: date | None = Field(sa_column=Column(Date))
    history_from: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))


class PolicySet(Base, table=True):
    """A version of an authority's policy, or of all (`la_code` `england`: what ships). `state`: `draft`, `published`.
    `reason`: why it holds from a day on that had passed.
    """

    __tablename__ = "policy_set"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    la_code: str = Field(sa_column=Column(Text, primary_key=True))
    version: str = Field(sa_column=Column(Text, primary_key=True))
    valid_from: date
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str = Field(sa_type=Text)
    author: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_column=_moment())
    changed_at: datetime = Field(sa_column=_moment())
    published_by: str | None = Field(sa_type=Text)
    published_at: datetime | None = Field(sa_column=_moment(null=True))
    reason: str | None = Field(sa_type=Text)


class Reevaluation(Base, table=True):
    """That an authority's children are looked at once more, by the version that came into force: of those whose id
    begins with the hexadecimal digit `part`, those up to `cursor` have been.
    """

    la_code: str = Field(sa_column=Column(Text, primary_key=True))
    part: int = Field(sa_column=_small(key=True))
    version: str = Field(sa_type=Text)
    cursor: str | None = Field(sa_column=_id(null=True))
    children: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    started_at: datetime = Field(sa_column=_moment())
    finished_at: datetime | None = Field(sa_column=_moment(null=True))


class Simulation(Base, table=True):
    """A draft tried on the marks of a year: `queued`, `running`, `done` or `failed`. `children`: looked at so far."""

    simulation_id: str = Field(sa_column=_id(key=True))
    la_code: str = Field(sa_type=Text)
    version: str = Field(sa_type=Text)
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    year: int = Field(sa_column=_small())
    from_date: date
    to_date: date
    state: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    children: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))
    created_at: datetime = Field(sa_column=_moment())
    started_at: datetime | None = Field(sa_column=_moment(null=True))
    ended_at: datetime | None = Field(sa_column=_moment(null=True))
    result: dict[str, Any] | None = Field(sa_column=Column(JSONB))


class Simulated(Base, table=True):
    """What a simulation says of a child and a kind: `would` cross, `would_not` any more, or `both`."""

    simulation_id: str = Field(sa_column=_id(key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    outcome: str = Field(sa_column=Column(Text, primary_key=True))
    pupil_id: str = Field(sa_column=_id(key=True))
    school_urn: int


class Reconciliation(Base, table=True):
    """What somebody else counted, against our figures: the answer as it was given. `schools` (URN) it tells of; null:
    an authority's.
    """

    reconciliation_id: str = Field(sa_column=_id(key=True))
    subject: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_column=_moment())
    schools: list[int] | None = Field(sa_column=Column(ARRAY(Integer)))
    answer: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


metadata = Base.metadata
for table in (tables.outbox, tables.position, tables.dead_letter, tables.ledger_position, consumer):
    table(metadata)
