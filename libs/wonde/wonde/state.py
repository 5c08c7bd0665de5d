"""What was sent of each school, and what of it Rollcall has acknowledged: one SQLite file.

Marks are noted before they are sent, so that a deletion finds also those whose answer was lost; everything else, and
above all the cursors, after the answer. So a crash repeats what was under way and skips nothing; a repeat changes
nothing, as everything has a natural key. The file holds ids, days and hashes: no names, no codes, no comments. One
process works with it at a time.
"""

import os
import sqlite3
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from wonde.domain.registers import Deletion, Record, Register, Sent, Slot, doomed

_VERSION = 1
_TABLES = """
create table cursors (school text, resource text, since text not null, primary key (school, resource));
create table prints (school text, kind text, item text, print text not null, primary key (school, kind, item));
create table leavers (school text, student text, last text not null, primary key (school, student));
create table slots (
    school text, student text, day text, session text, record text not null, changed integer not null,
    version integer not null, print text, doomed integer not null default 0, shadowed integer not null default 0,
    primary key (school, student, day, session)
) without rowid;
create index slots_of_record on slots (school, record);
create index slots_doomed on slots (school) where doomed = 1;
create table unread (
    school text, resource text, item text, field text not null, since text not null,
    primary key (school, resource, item)
);
"""
_COLUMNS = "record, changed, version, print"


class StateError(Exception):
    """The file can't be used: another process has it, or it is of another version."""


class Unread(NamedTuple):
    """A row that could not be read, what it lacked, and since when."""

    resource: str
    item: str
    field: str
    since: str


class State:
    """The file. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Opens it, makes it where there is none; StateError."""
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(path, timeout=1, isolation_level=None)
        try:
            self._open()
        except sqlite3.Error as error:
            self._connection.close()
            raise StateError(f"{path} can't be used: {error}") from error

    def _open(self) -> None:
        run = self._connection.execute
        run("pragma locking_mode = exclusive")
        run("pragma journal_mode = wal")
        run("pragma synchronous = normal")
        with self._transaction():
            (version,) = run("pragma user_version").fetchone()
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"it is of version {version}")
            if version == 0:
                for statement in _TABLES.split(";"):
                    run(statement)
                run(f"pragma user_version = {_VERSION}")

    def close(self) -> None:
        """Gives it back."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def cursor(self, school: str, resource: str) -> datetime | None:
        """From when on a resource is to be read; None: all of it."""
        row = self._connection.execute(
            "select since from cursors where school = ? and resource = ?", (school, resource)
        ).fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    def move(self, school: str, resource: str, since: datetime) -> None:
        """All that was changed before `since` has been acknowledged."""
        with self._transaction():
            self._connection.execute(
                "insert or replace into cursors values (?, ?, ?)", (school, resource, since.isoformat())
            )

    def forget(self, school: str, resource: str | None = None) -> None:
        """Has a resource, or all of them, read from the beginning; what was acknowledged stays known."""
        with self._transaction():
            self._connection.execute(
                "delete from cursors where school = ?1 and resource = coalesce(?2, resource)", (school, resource)
            )

    def prints(self, school: str, kind: str) -> dict[str, str]:
        """Of each acknowledged item of a kind, what stands for its content."""
        return dict(
            self._connection.execute("select item, print from prints where school = ? and kind = ?", (school, kind))
        )

    def keep_prints(self, school: str, kind: str, prints: dict[str, str]) -> None:
        """Notes what was acknowledged."""
        rows = [(school, kind, item, value) for item, value in prints.items()]
        with self._transaction():
            self._connection.executemany("insert or replace into prints values (?, ?, ?, ?)", rows)
            if kind in ("student", "leaver"):  # a row says more than a deletion
                self._connection.executemany(
                    "delete from leavers where school = ? and student = ?", [(school, item) for item in prints]
                )

    def slots(self, school: str, slots: Collection[Slot]) -> dict[Slot, Sent]:
        """What is known of some slots."""
        query = f"select {_COLUMNS} from slots where school = ? and student = ? and day = ? and session = ?"  # noqa: S608
        found: dict[Slot, Sent] = {}
        for slot in slots:
            row = self._connection.execute(query, (school, *_key(slot))).fetchone()
            if row is not None:
                found[slot] = Sent(*row)
        return found

    def intend(self, school: str, registers: Iterable[Register]) -> None:
        """Notes marks that are about to be sent."""
        self._keep(school, [(record, register.version, "") for register in registers for record in register.records])

    def keep(self, school: str, register: Register) -> None:
        """Notes that marks were acknowledged."""
        self._keep(school, [(record, register.version, record.print) for record in register.records])

    def _keep(self, school: str, marks: Iterable[tuple[Record, int, str]]) -> None:
        rows = [
            (school, *_key(one.slot), one.record_id, one.changed, version, print_) for one, version, print_ in marks
        ]
        with self._transaction():
            self._connection.executemany(
                "insert into slots (school, student, day, session, record, changed, version, print)"
                " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (school, student, day, session) do update set"
                " record = excluded.record, changed = excluded.changed, version = excluded.version,"
                " print = excluded.print, doomed = 0",
                rows,
            )

    def rename(self, school: str, records: Iterable[Record]) -> None:
        """Notes records that say what is acknowledged already, under another id or a later time."""
        rows = [(one.record_id, one.changed, school, *_key(one.slot)) for one in records]
        with self._transaction():
            self._connection.executemany(
                "update slots set record = ?, changed = ?, doomed = 0"
                " where school = ? and student = ? and day = ? and session = ?",
                rows,
            )

    def shadow(self, school: str, slots: Iterable[Slot]) -> None:
        """Notes that there is a second record of some slots."""
        with self._transaction():
            self._connection.executemany(
                "update slots set shadowed = 1 where school = ? and student = ? and day = ? and session = ?",
                [(school, *_key(slot)) for slot in slots],
            )

    def doom(self, school: str, deletions: Iterable[Deletion]) -> int:
        """Notes which acknowledged marks are to be taken back; how many."""
        count = 0
        query = f"select student, day, session, {_COLUMNS} from slots where school = ? and record = ?"  # noqa: S608
        with self._transaction():
            for deletion in deletions:
                for student, day, session, *sent in self._connection.execute(query, (school, deletion.item_id)):
                    if doomed(deletion, Sent(*sent)):
                        key = school, student, day, session
                        count += self._connection.execute(
                            "update slots set doomed = 1"
                            " where school = ? and student = ? and day = ? and session = ? and doomed = 0",
                            key,
                        ).rowcount
        return count

    def doomed(self, school: str) -> list[tuple[Slot, int, bool]]:
        """Marks that are still to be taken back, with their version, and whether there is a second record."""
        rows = self._connection.execute(
            "select student, day, session, version, shadowed from slots where school = ? and doomed = 1", (school,)
        )
        return [
            (Slot(student, date.fromisoformat(day), session), version, bool(shadowed))
            for student, day, session, version, shadowed in rows
        ]

    def any_taken_back(self, school: str, record_ids: Iterable[str]) -> bool:
        """Whether the mark of any of these records was taken back."""
        query = "select 1 from slots where school = ? and record = ? and print is null"
        return any(self._connection.execute(query, (school, record_id)).fetchone() for record_id in record_ids)

    def taken_back(self, school: str, slot: Slot, version: int) -> None:
        """Notes that a deletion was acknowledged under a version."""
        with self._transaction():
            self._connection.execute(
                "update slots set doomed = 0, shadowed = 0, print = null, version = ?"
                " where school = ? and student = ? and day = ? and session = ?",
                (version, school, *_key(slot)),
            )

    def leave(self, school: str, last_days: dict[str, date]) -> None:
        """Notes students whose stay is to be ended; of one who is not acknowledged there is nothing to end."""
        with self._transaction():
            self._connection.executemany(
                "insert or ignore into leavers select school, item, ?3 from prints"
                " where school = ?1 and kind = 'student' and item = ?2",
                [(school, student, last.isoformat()) for student, last in last_days.items()],
            )

    def leavers(self, school: str) -> dict[str, date]:
        """Students whose stay is still to be ended, each with the last day."""
        rows = self._connection.execute("select student, last from leavers where school = ?", (school,))
        return {student: date.fromisoformat(last) for student, last in rows}

    def stays(self, school: str, student: str) -> None:
        """Notes that a stay is not to be ended after all."""
        with self._transaction():
            self._connection.execute("delete from leavers where school = ? and student = ?", (school, student))

    def left(self, school: str, student: str) -> None:
        """Notes that a stay was ended."""
        with self._transaction():
            key = school, student
            self._connection.execute("delete from leavers where school = ? and student = ?", key)
            self._connection.execute("delete from prints where school = ? and kind = 'student' and item = ?", key)

    def note_unread(self, school: str, resource: str, fields: dict[str, str], read: Iterable[str], now: str) -> None:
        """Notes rows that could not be read, by id, with what they lacked; and rows that can be read now."""
        with self._transaction():
            self._connection.executemany(
                "delete from unread where school = ? and resource = ? and item = ?",
                [(school, resource, item) for item in read],
            )
            self._connection.executemany(
                "insert into unread values (?, ?, ?, ?, ?)"
                " on conflict (school, resource, item) do update set field = excluded.field",
                [(school, resource, item, field, now) for item, field in fields.items()],
            )

    def only_unread(self, school: str, resource: str, items: Collection[str]) -> None:
        """Notes that of all rows of a resource only these could not be read."""
        gone = [
            (school, one.item, resource)
            for one in self.unread(school)
            if one.resource == resource and one.item not in items
        ]
        with self._transaction():
            self._connection.executemany("delete from unread where school = ? and item = ? and resource = ?", gone)

    def forget_unread(self, school: str, items: Iterable[str]) -> None:
        """Notes rows that there are no longer."""
        with self._transaction():
            self._connection.executemany(
                "delete from unread where school = ? and item = ?", [(school, item) for item in items]
            )

    def unread(self, school: str) -> list[Unread]:
        """Rows that could not be read so far, the oldest first."""
        rows = self._connection.execute(
            "select resource, item, field, since from unread where school = ? order by since, resource, item", (school,)
        )
        return [Unread(*row) for row in rows]


def _key(slot: Slot) -> tuple[str, str, str]:
    return slot.student, slot.on.isoformat(), slot.session
