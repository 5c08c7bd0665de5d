"""Following the schools' ledgers: each entry applied once, in order, without a gap, and one school's trouble its own.

Every school has a ledger whose entries are numbered 1, 2, 3, …, each naming the entry before it. `fresh_entries` is
given a partition's records in the consumer's transaction and gives back the entries to apply now:

- the next number is applied, a lower one skipped: it is a repetition;
- a higher one parks the school: an entry is missing. So does a record that cannot be read, which is kept as a dead
  letter (its key is the URN). A parked school's later entries are passed over until the missing ones arrive, in order
  (`rollcall republish`); the school is followed again once it has caught up with the highest number that was passed
  over;
- an entry whose `previous` is not the entry applied last, or the number applied last with another id, marks the school
  as forked: the registers were restored to an earlier state. Only a rebuild (`reset`) ends that.

Schools are independent of each other: the others of the partition go on. `not_followed` is what readiness names.

Map: `Following` is one school's row and its rule (`judge`, pure); `fresh_entries` loads, judges and saves a batch.
`Reading` is for a reader that puts many polls together in memory before it applies them: it judges as it reads, and
saves in the end, unless somebody else has moved the schools meanwhile.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import structlog

from common import metrics
from common.broker import Record
from common.consume import MovedError, rewind
from common.db import Transaction
from common.dead_letters import keep
from common.events import Event, UnreadableEventError, decode
from common.events.registers import TOPIC, Entry

log = structlog.get_logger()

State: TypeAlias = Literal["following", "parked", "forked"]
Outcome: TypeAlias = Literal["applied", "skipped", "passed over"]

MOST_URN, MOST_NUMBER = 2**31 - 1, 2**63 - 1
MOST_UNREADABLE_BYTES = 8 << 20
"""As much of unreadable records, bodies and all, is held in memory before it is written down."""
RECORD_BYTES = 1000
"""What a record takes in memory besides its body."""

READ = """
select urn, number, entry_id, seen, state, reason from ledger_position where urn = any($1::int[]) order by urn
"""
LOCK = f"{READ} for update"
SAVE = """
insert into ledger_position (urn, number, entry_id, seen, state, reason, topic_partition)
select * from unnest($1::int[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::int[])
on conflict (urn) do update set number = excluded.number, entry_id = excluded.entry_id, seen = excluded.seen,
    state = excluded.state, reason = excluded.reason, topic_partition = excluded.topic_partition
"""
NOT_FOLLOWED = "select urn, number, seen, state, reason from ledger_position where state <> 'following' order by urn"
RESET = """
update ledger_position set former = greatest(former, number), number = 0, entry_id = '', evaluated = 0, seen = 0,
    state = 'following', reason = null, last_register_date = null, last_register_session = null
"""


class Following(NamedTuple):
    """How far one school's ledger has been applied (0 and empty before the first entry), and in what state.

    `seen` is the highest number that is known to exist.
    """

    urn: int
    number: int = 0
    entry_id: str = ""
    seen: int = 0
    state: State = "following"
    reason: str | None = None

    def judge(self, number: int, entry_id: str, previous: str | None) -> tuple[Outcome, "Following"]:
        """What becomes of an entry, and where the school stands after it."""
        seen = max(self.seen, number)
        if self.state == "forked":
            return "passed over", self._replace(seen=seen)
        if number < self.number or (number == self.number and entry_id == self.entry_id):
            return "skipped", self
        if number == self.number:
            return "passed over", self._replace(state="forked", reason=f"there is another entry {number}")
        if number > self.number + 1:
            reason = self.reason or f"entry {self.number + 1} is missing"
            return "passed over", self._replace(seen=seen, state="parked", reason=reason)
        if (previous or "") != self.entry_id:
            reason = f"entry {number} does not follow the entry {self.number} that was applied"
            return "passed over", self._replace(seen=seen, state="forked", reason=reason)
        if number == seen:
            return "applied", Following(self.urn, number, entry_id, seen)
        return "applied", Following(self.urn, number, entry_id, seen, "parked", f"entry {number + 1} is missing")

    def park_unreadable(self) -> "Following":
        """Where the school stands after a record that nobody could read: it may have been the next entry."""
        if self.state != "following":
            return self
        return self._replace(
            seen=max(self.seen, self.number + 1),
            state="parked",
            reason=f"an entry after {self.number} can't be read",
        )


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """A school whose entries are passed over: `number` was applied last, `seen` is the highest known."""

    urn: int
    number: int
    seen: int
    state: State
    reason: str


async def fresh_entries(tx: Transaction, records: Sequence[Record]) -> list[Event]:
    """The entries among some records, each partition's in order, that are to be applied now: decoded, in that order.

    Locks the schools' rows in URN order, and saves where they stand: the caller must apply what it gets in the same
    transaction. Unreadable records are kept as dead letters.
    """
    reading = Reading()
    reading.take(records)
    reading.know(await _rows(tx, LOCK, reading.unknown()))
    fresh = reading.judge()
    await reading.save(tx)
    return fresh


class Reading:
    """Records read against where their schools stand, which is known here, and moved here, until `save` writes it
    down. Records are taken; the schools that are not known are asked for; then the records are judged, and `after` says
    where the schools stand.
    """

    def __init__(self) -> None:
        self._before: dict[int, Following] = {}
        self.after: dict[int, Following] = {}
        self._partitions: dict[int, int] = {}
        self._unreadable: list[tuple[Record, str]] = []
        self._unreadable_bytes = 0
        self._taken: list[_Read] = []

    @property
    def is_full(self) -> bool:
        """Whether it is time to write down what could not be read: nothing else of what was taken stays in memory."""
        return self._unreadable_bytes >= MOST_UNREADABLE_BYTES

    def take(self, records: Sequence[Record]) -> None:
        """Reads records of a partition, in order."""
        for record in records:
            entry = _read(record)
            self._taken.append(entry)
            if entry.event is None:
                self._unreadable.append((record, entry.error))
                self._unreadable_bytes += RECORD_BYTES + len(record.value) + len(record.key)
            if entry.urn is not None:
                self._partitions[entry.urn] = record.partition.number

    def unknown(self) -> set[int]:
        """The schools of what was taken that nobody has asked for."""
        return self._partitions.keys() - self._before.keys()

    def know(self, rows: Mapping[int, Following]) -> None:
        """Learns where schools stand."""
        self._before |= rows
        self.after |= rows

    async def ask(self, tx: Transaction) -> set[int]:
        """Finds out where the unknown schools stand, without locking them; which they were."""
        unknown = self.unknown()
        self.know(await _rows(tx, READ, unknown))
        return unknown

    def judge(self) -> list[Event]:
        """The entries among what was taken that are to be applied, in order."""
        fresh: list[Event] = []
        outcomes: Counter[str] = Counter()
        straight: dict[int, tuple[int, str]] = {}  # the schools that are followed, and their last entries
        for urn, event, number, previous, _ in self._taken:
            if urn is None:
                outcomes["unreadable"] += event is None
            elif event is not None and straight.get(urn) == (number - 1, previous):  # the usual case, fast
                straight[urn] = (number, event.id)
                fresh.append(event)
            else:
                self._put_down(straight, urn)
                outcome = self._judge(urn, event, number, previous)
                if event is not None and outcome == "applied":
                    fresh.append(event)
                    if (now := self.after[urn]).state == "following":
                        straight[urn] = (now.number, now.entry_id)
                else:
                    outcomes[outcome] += 1
        for urn in list(straight):
            self._put_down(straight, urn)
        outcomes["applied"] = len(fresh)
        self._taken = []
        for outcome, count in outcomes.items():
            metrics.LEDGER_ENTRIES.labels(outcome).inc(count)
        return fresh

    def _judge(self, urn: int, event: Event | None, number: int, previous: str | None) -> str:
        """Moves a school by an entry, or by a record that could not be read: what became of it."""
        school = self.after[urn]
        if event is None:
            self.after[urn] = school.park_unreadable()
            return "unreadable"
        outcome, self.after[urn] = school.judge(number, event.id, previous)
        return outcome

    def _put_down(self, straight: dict[int, tuple[int, str]], urn: int) -> None:
        """Notes how far a school has come that was followed entry by entry."""
        if urn in straight:
            number, entry_id = straight.pop(urn)
            self.after[urn] = Following(urn, number, entry_id, number)

    async def check(self, tx: Transaction) -> None:
        """Locks the schools' rows; MovedError where one is not as it was known."""
        if await _rows(tx, LOCK, self._before.keys()) != self._before:
            raise MovedError("a school's ledger")

    async def save(self, tx: Transaction) -> None:
        """Keeps what could not be read, and saves where the schools stand, whose rows must be locked."""
        await keep(tx, self._unreadable)
        changed = [row for urn, row in sorted(self.after.items()) if row != self._before[urn]]
        await _save(tx, changed, self._partitions)
        if any(row.state != self._before[row.urn].state for row in changed):
            await _tell(tx, self._before, changed)


async def not_followed(tx: Transaction) -> list[NotFollowed]:
    """The schools that are parked or forked, in URN order; readiness names them."""
    rows = [NotFollowed(**row) for row in await tx.fetch(NOT_FOLLOWED)]
    for state in ("parked", "forked"):
        metrics.LEDGER_SCHOOLS.labels(state).set(sum(row.state == state for row in rows))
    return rows


async def reset(tx: Transaction) -> None:
    """For a rebuild: every school starts at its first entry again, the topic at its beginning.

    `former` remembers how far each had been applied: children are not evaluated before all their schools are past it.
    """
    await tx.execute(RESET)
    await rewind(tx, TOPIC)


class _Read(NamedTuple):
    """A record as far as it could be read: whose it is (None: nobody's), and the entry, or why there is none."""

    urn: int | None
    event: Event | None = None
    number: int = 0
    previous: str | None = None
    error: str = ""


def _read(record: Record) -> _Read:
    try:
        event = decode(record.value)
    except UnreadableEventError as error:
        return _Read(_urn(record), error=str(error))
    number, urn = event.sequence, event.schoolurn
    if not isinstance(event.data, Entry) or number is None or urn is None or "\0" in event.id:
        return _Read(_urn(record), error="not an entry of a ledger")
    if not (0 < number <= MOST_NUMBER and 0 < urn <= MOST_URN):
        return _Read(_urn(record), error="an impossible number or school")
    return _Read(urn, event, number, event.data.previous)


def _urn(record: Record) -> int | None:
    """The school that an unreadable record's key names, if it names one."""
    urn = int(record.key) if record.key.isdigit() and len(record.key) < 10 else 0
    return urn if 0 < urn <= MOST_URN else None


async def _rows(tx: Transaction, statement: str, urns: Collection[int]) -> dict[int, Following]:
    rows = await tx.fetch(statement, sorted(urns)) if urns else ()
    return {urn: Following(urn) for urn in urns} | {row["urn"]: Following(**row) for row in rows}


async def _save(tx: Transaction, rows: Sequence[Following], partitions: Mapping[int, int]) -> None:
    if rows:
        await tx.execute(
            SAVE,
            [row.urn for row in rows],
            [row.number for row in rows],
            [row.entry_id for row in rows],
            [row.seen for row in rows],
            [row.state for row in rows],
            [row.reason for row in rows],
            [partitions[row.urn] for row in rows],
        )


async def _tell(tx: Transaction, before: Mapping[int, Following], after: Sequence[Following]) -> None:
    """Says which schools changed their state, and counts those that are not followed now."""
    for row in after:
        if row.state != before[row.urn].state:
            log.warning("ledger state changed", urn=row.urn, state=row.state, number=row.number, reason=row.reason)
    await not_followed(tx)
