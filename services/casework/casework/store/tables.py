"""The tables of casework, as SQLModel classes in a registry of their own; Alembic compares them with the migrations.

`episode` and `letter` mirror the newest state that their publishers told. `timeline` belongs to the child, so that what
happened before a case was opened is on it too.
"""

from datetime import date, datetime

from common import children, tables
from common.access.store import consumer
from common.tables import EpisodeMirror, id_column, time_column
from sqlalchemy import ARRAY, BigInteger, Column, Date, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """The registry of casework alone: other services have classes of the same names."""


class Episode(Base, EpisodeMirror, table=True):
    """An episode as last heard, with what tasks about it need."""

    __table_args__ = (Index("episode_pupil_id", "pupil_id"), Index("episode_told_as", "told_as"))
    crossed_on: str = Field(sa_type=Text)
    open_days: list[date] = Field(sa_column=Column(ARRAY(Date), nullable=False))
    sentence: str = Field(sa_type=Text)


class Letter(Base, table=True):
    """A letter as last heard."""

    __table_args__ = (Index("letter_pupil_id", "pupil_id"), Index("letter_told_as", "told_as"))
    letter_id: str = Field(sa_column=id_column(key=True))
    kind: str = Field(sa_type=Text)
    pupil_id: str = Field(sa_column=id_column())
    school_urn: int
    episode_id: str = Field(sa_column=id_column())
    status: str = Field(sa_type=Text)
    overtaken: bool
    epoch: int
    revision: int
    withheld: str | None = Field(sa_type=Text)
    told_as: str | None = Field(sa_column=id_column(null=True))


class Reason(Base, table=True):
    """A mark N as last heard; `number` is that of the ledger entry. `told_pupil_id` is the ledger's id and stays."""

    __table_args__ = (
        Index("reason_day", "told_pupil_id", "school_urn", "day"),
        Index("reason_pupil_id", "pupil_id"),
    )
    reason_id: str = Field(sa_column=id_column(key=True))
    told_pupil_id: str = Field(sa_column=id_column())
    pupil_id: str = Field(sa_column=id_column())
    school_urn: int
    day: date
    session: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    due_on: date | None = Field(default=None)
    number: int = Field(sa_type=BigInteger)


class Task(Base, table=True):
    """A task; `letter_id` is set on the kinds that are about one letter. `said` seals outcome and note."""

    __table_args__ = (
        Index("task_pupil_id", "pupil_id"),
        Index("task_due_on", "due_on", "task_id"),
        Index("task_case_id", "case_id"),
    )
    task_id: str = Field(sa_column=id_column(key=True))
    case_id: str = Field(sa_column=id_column())
    kind: str = Field(sa_type=Text)
    pupil_id: str = Field(sa_column=id_column())
    school_urn: int
    episode_id: str | None = Field(sa_column=id_column(null=True))
    letter_id: str | None = Field(sa_column=id_column(null=True))
    status: str = Field(sa_type=Text)
    owner: str | None = Field(sa_type=Text)
    due_on: date
    reason: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_column=time_column())
    closed_at: datetime | None = Field(sa_column=time_column(null=True))
    epoch: int
    revision: int
    overdue: bool = Field(sa_column_kwargs={"server_default": text("false")})
    said: bytes | None = Field(sa_column=Column(LargeBinary))


class CaseFile(Base, table=True):
    """One case per child; a case that was closed into another keeps the id of the child that is no more."""

    __tablename__ = "case_file"  # pyright: ignore[reportAssignmentType]  # SQLModel declares it as something else
    case_id: str = Field(sa_column=id_column(key=True))
    pupil_id: str = Field(sa_column=Column(UUID(as_uuid=False), nullable=False, unique=True))
    into_case_id: str | None = Field(sa_column=id_column(null=True))
    opened_at: datetime = Field(sa_column=time_column())
    epoch: int
    revision: int


class Timeline(Base, table=True):
    """One line of a child's timeline; `entry_id` is made of what it tells, so that nothing is told twice. `line` is
    the order in which lines of the same moment were heard.
    """

    __table_args__ = (Index("timeline_pupil_id", "pupil_id", "at"),)
    entry_id: str = Field(sa_column=id_column(key=True))
    pupil_id: str = Field(sa_column=id_column())
    at: datetime = Field(sa_column=time_column())
    kind: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    school_urn: int | None = Field(sa_type=Integer)
    episode_id: str | None = Field(sa_column=id_column(null=True))
    task_id: str | None = Field(sa_column=id_column(null=True))
    letter_id: str | None = Field(sa_column=id_column(null=True))
    told_as: str | None = Field(sa_column=id_column(null=True))
    line: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))


metadata = Base.metadata
for shared in (
    tables.outbox,
    tables.position,
    tables.dead_letter,
    tables.answered,
    children.alias,
    children.child,
    consumer,
):
    shared(metadata)
