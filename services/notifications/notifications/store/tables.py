"""The tables of notifications, as SQLModel classes in a registry of their own; Alembic compares them with the
migrations.

No table holds a name, an address or a line of a letter: those are asked for when a letter is written out.
"""

from datetime import datetime
from typing import Any

from common import children, tables
from common.access.store import consumer
from common.tables import EpisodeMirror, id_column, time_column
from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """The registry of notifications alone: other services have classes of the same names."""


class Episode(Base, EpisodeMirror, table=True):
    """An episode as last heard, with its evidence."""

    __table_args__ = (Index("episode_pupil_id", "pupil_id"), Index("episode_told_as", "told_as"))
    firm_on: str | None = Field(sa_type=Text)
    explanation: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Settlement(Base, table=True):
    """Whether the recipients of an episode's letter have been found."""

    __table_args__ = (Index("settlement_due", "due_at", postgresql_where=text("state = 'due'")),)
    episode_id: str = Field(sa_column=id_column(key=True))
    letter_kind: str = Field(sa_column=Column(Text, primary_key=True))
    state: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_column=time_column())
    attempts: int


class Letter(Base, table=True):
    """A letter to one recipient about one episode."""

    __table_args__ = (
        Index("letter_pupil_id", "pupil_id"),
        Index("letter_made_at", "made_at", "letter_id"),
        Index("letter_due", "due_at", postgresql_where=text("status in ('queued', 'sending')")),
    )
    letter_id: str = Field(sa_column=id_column(key=True))
    kind: str = Field(sa_type=Text)
    pupil_id: str = Field(sa_column=id_column())
    school_urn: int
    episode_id: str = Field(sa_column=id_column())
    recipient_id: str = Field(sa_column=id_column())
    channel: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    overtaken: bool
    withheld: bool
    template_version: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_column=time_column())
    queued_at: datetime = Field(sa_column=time_column())
    hold_until: datetime = Field(sa_column=time_column())
    due_at: datetime = Field(sa_column=time_column())
    sent_at: datetime | None = Field(sa_column=time_column(null=True))
    epoch: int
    revision: int
    withheld_why: str | None = Field(sa_type=Text)


metadata = Base.metadata
for shared in (tables.outbox, tables.position, tables.dead_letter, children.alias, children.child, consumer):
    shared(metadata)
