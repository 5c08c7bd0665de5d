"""The tables of notifications, as SQLModel classes in a registry of their own; Alembic compares them with the
migrations.

No table holds a name, an address or a line of a letter: those are asked for when a letter is written out.
"""

from datetime import datetime
from typing import Any

from common import children, tables
from sqlalchemy import Column, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """The registry of notifications alone: other services have classes of the same names."""


def _id(*, key: bool = False, null: bool = False) -> Column[str]:
    return Column(UUID(as_uuid=False), primary_key=key, nullable=null)


def _time(*, null: bool = False) -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=null)


class Episode(Base, table=True):
    """An episode as last heard, with its evidence; `revision` is the count within `epoch`."""

    __table_args__ = (Index("episode_pupil_id", "pupil_id"), Index("episode_told_as", "told_as"))
    episode_id: str = Field(sa_column=_id(key=True))
    pupil_id: str = Field(sa_column=_id())
    kind: str = Field(sa_type=Text)
    academic_year: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    provisional: bool
    firm_on: str | None = Field(sa_type=Text)
    school_urn: int
    explanation: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    epoch: int
    revision: int
    told_as: str | None = Field(sa_column=_id(null=True))


class Settlement(Base, table=True):
    """Whether the recipients of an episode's letter have been found."""

    __table_args__ = (Index("settlement_due", "due_at", postgresql_where=text("state = 'due'")),)
    episode_id: str = Field(sa_column=_id(key=True))
    letter_kind: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_column=_time())
    attempts: int


class Letter(Base, table=True):
    """A letter to one recipient about one episode."""

    __table_args__ = (
        Index("letter_pupil_id", "pupil_id"),
        Index("letter_made_at", "made_at", "letter_id"),
        Index("letter_due", "due_at", postgresql_where=text("status in ('queued', 'sending')")),
    )
    letter_id: str = Field(sa_column=_id(key=True))
    kind: str = Field(sa_type=Text)
    pupil_id: str = Field(sa_column=_id())
    school_urn: int
    episode_id: str = Field(sa_column=_id())
    recipient_id: str = Field(sa_column=_id())
    channel: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    overtaken: bool
    withheld: bool
    template_version: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_column=_time())
    queued_at: datetime = Field(sa_column=_time())
    hold_until: datetime = Field(sa_column=_time())
    due_at: datetime = Field(sa_column=_time())
    sent_at: datetime | None = Field(sa_column=_time(null=True))
    epoch: int
    revision: int
    withheld_why: str | None = Field(sa_type=Text)


metadata = Base.metadata
for shared in (tables.outbox, tables.position, tables.dead_letter, children.alias, children.child):
    shared(metadata)
