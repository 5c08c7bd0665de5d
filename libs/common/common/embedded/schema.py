"""The tables of the broker's database, and how they come into being.

    topic             a name
    partition         a log: `next_offset` is taken by the publisher that locks the row
    record            what was published; kept in time partitions, which the janitor makes and drops
    membership        a group's interest in a topic; its id is the space of the group's advisory locks (see `store`)
    member            a member's name, as a number that fits an advisory lock
    hint              how far a group says that it is

The schema belongs to the broker, not to a service, and is a handful of statements: it is brought up to date by the
steps below, under a lock, by whoever comes first. A step that was released is never changed; steps only add.
"""

from common.db import Transaction

STEPS = (
    """
    create table topic (id int generated always as identity primary key, name text not null unique);

    create table partition (
        id int generated always as identity primary key,
        topic_id int not null references topic,
        number int not null,
        next_offset bigint not null default 0,
        unique (topic_id, number)
    ) with (fillfactor = 10);

    create table record (
        partition_id int not null,
        "offset" bigint not null,
        kept_at timestamptz not null default now(),
        id bytea not null,
        key bytea not null,
        value bytea storage external not null,
        primary key (partition_id, "offset", kept_at)
    ) partition by range (kept_at);

    create table membership (
        id int generated always as identity primary key,
        group_name text not null,
        topic_id int not null references topic,
        unique (group_name, topic_id)
    );

    create table member (id int generated always as identity primary key, name text not null unique);

    create table hint (
        membership_id int not null references membership,
        partition_id int not null references partition,
        "offset" bigint not null,
        primary key (membership_id, partition_id)
    );
    """,
)

LOCK = "select pg_advisory_xact_lock(0, 1)"
VERSION_TABLE = "create table if not exists version (number int not null)"
VERSION = "select coalesce(max(number), 0) from version"
SET_VERSION = "insert into version (number) values ($1)"


async def bring_up_to_date(tx: Transaction) -> None:
    """Applies the steps that this database lacks. Safe to call at the same time from several processes."""
    await tx.execute(LOCK)
    await tx.execute(VERSION_TABLE)
    version = await tx.fetchval(VERSION)
    for number, step in enumerate(STEPS[version:], start=version + 1):
        await tx.execute(step)
        await tx.execute(SET_VERSION, number)
