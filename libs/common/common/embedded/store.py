"""Every statement of the embedded broker, and what a row means.

Advisory locks carry the group's state, so that it dies with the session that holds it. Their two numbers are
(membership, partition) for "this partition is mine" and (membership, minus member) for "I am in this group"; minus so
that the two never meet. `pg_locks` shows them to all members.
"""

from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from common.broker import Message, Partition, Record
from common.db import Transaction
from common.embedded.session import Session

RECORDS = "rollcall_records"
"""The channel that tells of new records: the payload lists the ids of their partitions."""
MEMBERS = "rollcall_members"
"""The channel that tells of members that came, went or gave a partition up: the payload is the membership's id."""

MAKE_TOPICS = """
with wanted as (
    select * from unnest($1::text[], $2::int[]) as wanted (name, partitions)
), made as (
    insert into topic (name) select name from wanted on conflict do nothing returning id, name
)
insert into partition (topic_id, number)
select made.id, number from made join wanted using (name), generate_series(0, wanted.partitions - 1) as number
"""
PARTITIONS = """
select t.name as topic, p.number, p.id
from topic t join partition p on p.topic_id = t.id
where t.name = any($1::text[])
"""

# The row lock is held until the commit: whoever reads an offset can read all lower ones.
APPEND = """
with taken as (
    update partition set next_offset = next_offset + cardinality($2::bytea[]) where id = $1
    returning id, next_offset - cardinality($2::bytea[]) - 1 as before
), kept as (
    insert into record (partition_id, "offset", id, key, value)
    select taken.id, taken.before + message.place, message.id, message.key, message.value
    from taken, unnest($2::bytea[], $3::bytea[], $4::bytea[]) with ordinality as message (id, key, value, place)
)
select pg_notify('rollcall_records', id::text) from taken
"""

ENDS = "select id, next_offset from partition where id = any($1::int[])"

# The window adds up the sizes without reading the values: they are looked at only for the rows that leave.
READ = """
select "offset", id, key, value
from (
    select "offset", id, key, value,
           sum(octet_length(value)) over (order by "offset" rows unbounded preceding) - octet_length(value) as ahead
    from record where partition_id = $1 and "offset" >= $2 order by "offset" limit $3
) as waiting
where ahead < $4
"""

READ_ONE = 'select "offset", id, key, value from record where partition_id = $1 and "offset" = $2'

ADD_MEMBERSHIPS = """
insert into membership (group_name, topic_id) select $1, id from topic where name = any($2::text[])
on conflict do nothing
"""
MEMBERSHIPS = """
select m.id, t.name as topic from membership m join topic t on t.id = m.topic_id
where m.group_name = $1 and t.name = any($2::text[])
"""
ADD_MEMBER = "insert into member (name) values ($1) on conflict do nothing"
MEMBER_ID = "select id from member where name = $1"

# Who holds the name already is a session that its process left behind, or the same member started twice: the newer one
# stays, as with Kafka.
TAKE_NAME = "select pg_try_advisory_lock($1, -$2::int) as taken"
HELD = """
from pg_locks
where locktype = 'advisory' and objsubid = 2 and granted
  and database = (select oid from pg_database where datname = current_database())
"""
END_NAMESAKE = f"""
select pg_terminate_backend(pid, 2000) {HELD}
  and classid = $1::bigint::oid and objid = (4294967296 - $2::bigint)::oid and pid <> pg_backend_pid()
"""
MEMBERS_THERE = f"""
select classid::bigint as membership, 4294967296 - objid::bigint as member {HELD}
  and classid::bigint = any($1::bigint[]) and objid::bigint > 2147483647
"""

TAKE = """
select membership, partition from unnest($1::int[], $2::int[]) as wanted (membership, partition)
where pg_try_advisory_lock(membership, partition)
"""
GIVE_UP = """
select pg_advisory_unlock(membership, partition), pg_notify('rollcall_members', membership::text)
from unnest($1::int[], $2::int[]) as held (membership, partition)
"""
TELL_MEMBERS = "select pg_notify('rollcall_members', membership::text) from unnest($1::int[]) as membership"

LEAVE = "select pg_advisory_unlock_all()"

HINTS = """
select partition_id, "offset" from hint
where (membership_id, partition_id) in (select * from unnest($1::int[], $2::int[]))
"""
SET_HINTS = """
insert into hint (membership_id, partition_id, "offset") select * from unnest($1::int[], $2::int[], $3::bigint[])
on conflict (membership_id, partition_id) do update set "offset" = excluded."offset"
"""

Slot = tuple[int, int]
"""A partition as a group sees it: the ids of the membership and of the partition."""


async def make_topics(tx: Transaction, topics: Mapping[str, int]) -> None:
    """Makes the topics that are absent, with their partitions."""
    await tx.execute(MAKE_TOPICS, list(topics), list(topics.values()))


async def partition_ids(session: Session, topics: Iterable[str]) -> dict[Partition, int]:
    """The partitions of these topics; topics that do not exist are left out."""
    rows = await session.fetch(PARTITIONS, list(topics))
    return {Partition(row["topic"], row["number"]): row["id"] for row in rows}


async def append(session: Session, partition_id: int, messages: Sequence[Message]) -> bool:
    """Appends messages to one partition, in order, and tells those who listen; False when it is not there."""
    told = await session.fetch(
        APPEND,
        partition_id,
        [message.id.encode() for message in messages],
        [message.key for message in messages],
        [message.value for message in messages],
    )
    return bool(told)


async def ends(session: Session, partition_ids: Iterable[int]) -> dict[int, int]:
    """The next offset of each partition."""
    return {row["id"]: row["next_offset"] for row in await session.fetch(ENDS, list(partition_ids))}


async def read(
    session: Session, partition: Partition, partition_id: int, offset: int, most: int, most_bytes: int
) -> list[Record]:
    """Records from `offset` on, at most `most` of them and about `most_bytes`, but one at least if there is one."""
    return [_record(partition, row) for row in await session.fetch(READ, partition_id, offset, most, most_bytes)]


async def read_one(session: Session, partition: Partition, partition_id: int, offset: int) -> Record | None:
    """The record at `offset`, if there is one."""
    rows = await session.fetch(READ_ONE, partition_id, offset)
    return _record(partition, rows[0]) if rows else None


def _record(partition: Partition, row: asyncpg.Record) -> Record:
    return Record(partition, row["offset"], row["key"], row["value"], row["id"].decode(errors="replace"))


async def memberships(session: Session, group: str, topics: Sequence[str]) -> dict[str, int]:
    """The ids of a group's memberships, by topic; made when absent. Topics that do not exist are left out."""
    await session.fetch(ADD_MEMBERSHIPS, group, topics)
    return {row["topic"]: row["id"] for row in await session.fetch(MEMBERSHIPS, group, topics)}


async def member_id(session: Session, name: str) -> int:
    """The number of a member's name."""
    await session.fetch(ADD_MEMBER, name)
    return (await session.fetch(MEMBER_ID, name))[0]["id"]


async def take_name(session: Session, membership: int, member: int) -> bool:
    """Makes this session the group's member of that name; False when another session would not let go of it yet."""
    for _ in range(2):
        if (await session.fetch(TAKE_NAME, membership, member))[0]["taken"]:
            return True
        await session.fetch(END_NAMESAKE, membership, member)
    return False


async def members_there(session: Session, memberships: Iterable[int]) -> dict[int, list[int]]:
    """The members that are in the group at the moment, in order, by membership."""
    there: dict[int, list[int]] = {membership: [] for membership in memberships}
    for row in await session.fetch(MEMBERS_THERE, list(there)):
        there[row["membership"]].append(row["member"])
    return {membership: sorted(members) for membership, members in there.items()}


async def take(session: Session, slots: Iterable[Slot]) -> set[Slot]:
    """Those of `slots` that nobody else has; they are this session's from now on."""
    rows = await session.fetch(TAKE, *_columns(slots))
    return {(row["membership"], row["partition"]) for row in rows}


async def give_up(session: Session, slots: Iterable[Slot]) -> None:
    """Lets others have these slots, and tells them so."""
    await session.fetch(GIVE_UP, *_columns(slots))


async def tell_members(session: Session, memberships: Iterable[int]) -> None:
    """Has the members look who is there."""
    await session.fetch(TELL_MEMBERS, list(memberships))


async def leave(session: Session, memberships: Iterable[int]) -> None:
    """Lets go of everything, and tells those who stay."""
    await session.fetch(LEAVE)
    await tell_members(session, memberships)


async def hints(session: Session, slots: Iterable[Slot]) -> dict[int, int]:
    """How far the group said that it is, by partition id; partitions it never spoke of are left out."""
    return {row["partition_id"]: row["offset"] for row in await session.fetch(HINTS, *_columns(slots))}


async def set_hints(session: Session, offsets: Mapping[Slot, int]) -> None:
    """Notes how far the group is."""
    await session.fetch(SET_HINTS, *_columns(offsets), list(offsets.values()))


def _columns(slots: Iterable[Slot]) -> tuple[list[int], list[int]]:
    pairs = list(slots)
    return [membership for membership, _ in pairs], [partition for _, partition in pairs]
