"""The tables that services have in common, each in the service's own database: for its metadata, and for its migration.

`store/tables.py` of a service puts the tables that it uses into its own metadata (`outbox(metadata)`,
`position(metadata)`, …); its migration `0001` makes them by `op.execute(tables.CREATE_OUTBOX)`, …. A contract test
compares the two. The CREATE statements are history and never change: an alteration is a new constant beside them, used
in a new migration.

`outbox`: what is still to be published (`relay`). `position`: where a consumer stands in each partition (`consume`).
`dead_letter`: records that nobody could read (`dead_letters`). `ledger_position`: how far each school's ledger has been
applied (`ledger`). `answered`: what requests with an idempotency key came to (`idempotency`). `EpisodeMirror`: what the
table `episode` of a reader begins with (`mirror`); `id_column` and `time_column`: what their own tables are made of.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID
from sqlmodel import Field, SQLModel

CREATE_OUTBOX = """
create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key text not null,
    event_id text not null,
    body bytea storage external not null
) with (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)
"""
"""Rows come and go at the same rate: bodies stay in the row, uncompressed, and vacuum goes by number, not by share."""

CREATE_POSITION = """
create table position (
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    record_id text not null,
    primary key (topic, partition)
) with (fillfactor = 50)
"""

CREATE_DEAD_LETTER = """
create table dead_letter (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    record_id text not null,
    key bytea not null,
    body bytea not null,
    error text not null,
    kept_at timestamptz not null default now(),
    primary key (topic, partition, "offset", record_id)
)
"""

CREATE_LEDGER_POSITION = """
create table ledger_position (
    urn integer primary key,
    number bigint not null,
    entry_id text not null,
    evaluated bigint not null default 0,
    seen bigint not null default 0,
    former bigint not null default 0,
    state text not null default 'following' check (state in ('following', 'parked', 'forked')),
    reason text,
    topic_partition integer not null,
    last_register_date date,
    last_register_session smallint
) with (fillfactor = 50)
"""

CREATE_ANSWERED = """
create table answered (
    subject text not null,
    key text not null,
    fingerprint text not null,
    answer bytea not null,
    answered_at timestamptz not null,
    primary key (subject, key)
)
"""
INDEX_ANSWERED = "create index answered_at on answered (answered_at)"


UUID_TEXT: Any = UUID(as_uuid=False)


def id_column(*, key: bool = False, null: bool = False) -> Column[str]:
    """A uuid, as text."""
    return Column(UUID(as_uuid=False), primary_key=key, nullable=null)


def time_column(*, null: bool = False) -> Column[datetime]:
    """A moment."""
    return Column(DateTime(timezone=True), nullable=null)


class EpisodeMirror(SQLModel):
    """An episode as last heard, under the id `told_as`; `revision` is the count within `epoch`."""

    episode_id: str = Field(sa_type=UUID_TEXT, primary_key=True)
    pupil_id: str = Field(sa_type=UUID_TEXT)
    kind: str = Field(sa_type=Text)
    academic_year: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    provisional: bool
    school_urn: int
    epoch: int
    revision: int
    told_as: str | None = Field(sa_type=UUID_TEXT)


def outbox(metadata: MetaData) -> Table:
    """What is still to be published: written by `outbox.add`, emptied by the relay."""
    return Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("body", LargeBinary, nullable=False),
    )


def position(metadata: MetaData) -> Table:
    """The offset to read next in each partition, and the id of the record before it."""
    return Table(
        "position",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("next_offset", BigInteger, nullable=False),
        Column("record_id", Text, nullable=False),
    )


def dead_letter(metadata: MetaData) -> Table:
    """Records that could not be read, whole; `record_id` is the digest of the body where the sender gave no id."""
    return Table(
        "dead_letter",
        metadata,
        Column("topic", Text, primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("offset", BigInteger, primary_key=True, autoincrement=False),
        Column("record_id", Text, primary_key=True),
        Column("key", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("error", Text, nullable=False),
        Column("kept_at", DateTime(timezone=True), nullable=False, server_default=sql("now()")),
    )


def answered(metadata: MetaData) -> Table:
    """What a request came to that had an idempotency key, as sealed JSON; `fingerprint`: a digest of what it said."""
    return Table(
        "answered",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("answered_at", DateTime(timezone=True), nullable=False),
        Index("answered_at", "answered_at"),
    )


def ledger_position(metadata: MetaData) -> Table:
    """Per school: the last applied entry (`number`, `entry_id`; 0 and empty before the first).

    `evaluated`: the last complete write whose children have been evaluated (the reader of the ledger sets it). `seen`:
    the highest number that has arrived, applied or passed over. `former`: the number reached before a rebuild. `state`:
    following, parked or forked, with its `reason`. `last_register_date`, `last_register_session`: the latest session
    that was marked (0 AM, 1 PM).
    """
    return Table(
        "ledger_position",
        metadata,
        Column("urn", Integer, primary_key=True, autoincrement=False),
        Column("number", BigInteger, nullable=False),
        Column("entry_id", Text, nullable=False),
        Column("evaluated", BigInteger, nullable=False, server_default=sql("0")),
        Column("seen", BigInteger, nullable=False, server_default=sql("0")),
        Column("former", BigInteger, nullable=False, server_default=sql("0")),
        Column("state", Text, nullable=False, server_default=sql("'following'")),
        Column("reason", Text),
        Column("topic_partition", Integer, nullable=False),
        Column("last_register_date", Date),
        Column("last_register_session", SmallInteger),
    )
