"""Something is wrong in one table of one service: the audit says so, in a sentence with its id."""

import argparse
import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import msgspec
import pytest
from absence_engine.store.explanations import pack
from audit import run
from audit.read.snapshot import database_url
from common.events.absence_engine import Explanation
from rollcall import rotate_keys
from rollcall.cli import CommandError

from tests.keys import SETTINGS

TODAY = date(2025, 12, 1)

FIRST = "(select min(episode_id::text)::uuid from episode where state <> 'reversed' and not provisional)"
FIRM = f"where episode_id = {FIRST}"
REVERSED = "where state = 'reversed'"
LETTER = "where letter_id = (select min(letter_id::text)::uuid from letter where status = 'queued')"
ILL = "where received = (select min(received) from mark where standing and code = 'I')"
AT_9 = "where urn = 100001 and number = 9"

REGISTERS = [
    ("mark", f"update mark set standing = false {ILL}", "rank, standing, problem"),
    ("mark", f"delete from mark {ILL}", "is I, not None"),
    ("mark", f"update mark set code = 'M' {ILL}", "is I, not M"),
    ("mark", "update mark set rank = 9 where code = 'H'", "rank, standing, problem"),
    ("mark", "update mark set problem = null where code = 'H'", "rank, standing, problem"),
    ("mark", "delete from mark where code = 'H'", "1 marks 'H'"),
    ("unresolved", "update unresolved set key = 'ill'", "waits for a pupil whom the school knows"),
    ("unresolved", "delete from unresolved", "1 marks '/' of pupil None"),
    ("ledger", f"delete from ledger {AT_9}", "number is 10, not 9"),
    ("ledger", "delete from ledger where urn = 100001 and number = 1", "number is 2, not 1"),
    ("ledger", f"update ledger set entry_id = gen_random_uuid() {AT_9}", "id is"),
    ("school", "update school set last_number = last_number - 1", "it ends with"),
    ("enrolment", "update enrolment set to_date = '2025-09-05'", "enrolments of pupil"),
    ("calendar_day", "delete from calendar_day where date = '2025-09-04'", "calendar is another"),
    (
        "calendar_day",
        "update calendar_day set am_groups = '{7}' where date = '2025-09-04' and urn = 100001",
        "staggered days are others",
    ),
    ("year_group", "update year_group set year_group = 9", "rank, standing, problem"),
    ("school", "update school set closed_on = '2025-09-03' where urn = 100001", "its life"),
    ("school_la", "delete from school_la", "in its ledger: authorities"),
    ("pupil", "update pupil set date_of_birth = '2015-01-01' where survivor is null", "on the roll"),
    ("flag", "update flag set to_date = '2025-10-01' where flag = 'CLA'", "on the roll"),
    ("pupil", "update pupil set households = '{}'", "on the roll"),
    (
        "rejudging",
        "insert into rejudging (urn, what, begun_at, days, pupils, firsts, lasts)"
        " values (100001, 'sessions', now(), '{2025-09-04}', '{}', '{}', '{}')",
        "is being recalculated",
    ),
    ("pupil", "update pupil set survivor = null where survivor is not null", "merged children"),
]
NOTHING = Explanation(sentence="", sessions=[], school_weeks=[], formula={}, policy_version="england-2024.2", hash="")
BARE = f"update episode set evidence = '\\x{pack(NOTHING, []).hex()}'"
BARE_BEFORE = f"update episode set evidence = null, explanation = '{msgspec.json.encode(NOTHING).decode()}'"
ENGINE = [
    ("sheet", "update sheet set marks = set_byte(marks, 16, 170)", "not what the ledger says"),
    ("sheet", "delete from sheet", "the engine has none"),
    ("school", "update school set recalculating = true", "in the engine"),
    ("calendar", "update calendar set sessions = set_byte(sessions, 64, 0)", "calendar of school"),
    ("enrolment", "update enrolment set kind = 'main'", "in the engine: enrolments"),
    ("school_la", "delete from school_la", "in the engine: authorities"),
    ("child", "update child set date_of_birth = null", "in the engine"),
    ("child", "update child set flag_spans = '[]'", "in the engine"),
    ("household", "delete from household", "in the engine"),
    ("child", "update child set survivor = null", "merged children, in the engine"),
    ("ledger_position", "update ledger_position set entry_id = 'x'", "the engine's entry"),
    ("episode", f"update episode set state = 'reversed' {FIRM}", "no standing episode"),
    ("episode", f"update episode set state = 'open' {REVERSED}", "the marks have none"),
    ("episode", f"update episode set firm_session = 1 - firm_session {FIRM}", "firm on"),
    ("episode", f"update episode set crossed_on = '2025-09-02' {FIRM}", "no standing"),
    ("episode", f"update episode set hash = 'x' {FIRM}", "hash of the explanation"),
    ("episode", f"update episode set hash = 'x' {REVERSED}", "hash of what it rested on"),
    ("episode", BARE, "formula"),
    ("episode", BARE, "sessions behind"),
    ("episode", BARE_BEFORE, "formula"),
    ("episode", "update episode set school_urn = 100002", "school"),
    ("episode", f"update episode set policy_version = 'england-2024.1' {FIRM}", ": policy: the service has"),
    ("episode", f"delete from episode {FIRM}", "the engine does not"),
]
CASEWORK = [
    ("task", "delete from task where kind = 'support_review' and status = 'open'", "has 0 tasks"),
    ("task", "update task set status = 'cancelled' where status = 'open'", "is cancelled"),
    ("task", "update task set status = 'open' where status = 'cancelled'", "needs no task"),
    ("task", "update task set pupil_id = gen_random_uuid()", "is of pupil"),
    ("task", "update task set episode_id = gen_random_uuid()", "unknown episode"),
    ("episode", f"update episode set provisional = true {FIRM}", "in casework"),
    ("letter", "update letter set status = 'sent'", "in casework"),
]
NOTIFICATIONS = [
    ("episode", f"update episode set state = 'ended' {FIRM}", "in notifications"),
    ("settlement", "delete from settlement", "nobody asked whom to write to"),
    ("letter", f"update letter set status = 'recalled' {LETTER}", "does not wait"),
    ("letter", f"update letter set overtaken = true {LETTER}", "never reached sending"),
    ("letter", f"update letter set status = 'failed' {LETTER}", "check_sending"),
    ("letter", "update letter set status = 'queued' where status = 'recalled'", "the episode is not firm"),
    ("letter", "update letter set status = 'sent' where status = 'recalled'", "nobody was told"),
    ("letter", f"delete from letter {LETTER}", "notifications does not"),
]
WRONG = [
    (service, *one)
    for service, every in (
        ("registers", REGISTERS),
        ("absence_engine", ENGINE),
        ("casework", CASEWORK),
        ("notifications", NOTIFICATIONS),
    )
    for one in every
]

LATE = [
    ("absence_engine", "ledger_position", "update ledger_position set evaluated = 3", "is counted to entry 3"),
    ("absence_engine", "ledger_position", "delete from ledger_position", "is counted to entry 0"),
    ("absence_engine", "engine", "update engine set policy_day = '2025-11-30'", "policies are those of 2025-11-30"),
    (
        "absence_engine",
        "reevaluation",
        "insert into reevaluation (la_code, part, version, started_at) values ('330', 0, 'next', now())",
        "authority 330 is looked at by next",
    ),
    ("casework", "episode", f"delete from episode {FIRM}", "casework: the newest state of 1 episodes"),
    ("notifications", "episode", "update episode set revision = 0", "notifications: the newest state of"),
    ("casework", "letter", "delete from letter", "casework: the newest state of"),
    ("casework", "alias", "delete from alias", "casework: 1 merged children"),
    ("notifications", "settlement", "update settlement set state = 'due'", "to be asked of registers"),
]


@contextlib.asynccontextmanager
async def changed(url: str, service: str, table: str, statement: str) -> AsyncIterator[None]:
    """Does a statement to a table of a service; the table is as it was when the block ends."""
    connection = await asyncpg.connect(database_url(url, service))
    await connection.execute(f"create table kept as table {table}")
    try:
        done = await connection.execute(statement)
        assert done.split()[-1] != "0", "it changed nothing"
        yield
    finally:
        await connection.execute(
            f"truncate {table}; insert into {table} overriding system value select * from kept; drop table kept"
        )
        await connection.close()


async def audited(url: str, *, running: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    status = await run(url, today=TODAY, out=out, running=running, patience=0.1)
    return status, out.getvalue()


async def test_nothing_is_found_where_nothing_is_wrong(stopped: str) -> None:
    status, said = await audited(stopped)
    assert (status, "differences: none" in said, "not compared" in said) == (0, True, False), said


@pytest.mark.parametrize(("service", "table", "statement", "told"), WRONG, ids=lambda text: text[:60])
async def test_whatever_is_wrong_is_told(stopped: str, service: str, table: str, statement: str, told: str) -> None:
    async with changed(stopped, service, table, statement):
        status, said = await audited(stopped)
    assert status == 1, said
    assert any(line.startswith("DIFFERENCE") and told in line for line in said.splitlines()), said


@pytest.mark.parametrize(("service", "table", "statement", "told"), LATE, ids=lambda text: text[:60])
async def test_what_has_not_arrived_is_waited_for_beside_a_running_product(
    stopped: str, service: str, table: str, statement: str, told: str
) -> None:
    async with changed(stopped, service, table, statement):
        status, said = await audited(stopped, running=True)
    assert status == 2, said
    assert told in said


@pytest.mark.parametrize(("service", "table", "statement", "told"), LATE, ids=lambda text: text[:60])
async def test_what_has_not_arrived_is_left_out_on_a_stopped_product(
    stopped: str, service: str, table: str, statement: str, told: str
) -> None:
    async with changed(stopped, service, table, statement):
        status, said = await audited(stopped)
    assert status == 0, said
    assert any(line.startswith("not compared: not yet delivered") and told in line for line in said.splitlines()), said


async def test_another_day_than_the_registers_judge_by_is_told(stopped: str) -> None:
    out = io.StringIO()
    assert await run(stopped, today=date(2025, 12, 2), out=out, running=True, patience=0.1) == 2
    assert "marks are judged by 2025-12-01, and today is 2025-12-02" in out.getvalue()


async def test_a_server_without_the_databases_can_not_be_audited(database_url: str) -> None:
    status, said = await audited(database_url)
    assert status == 2
    assert said.startswith("could not run: ")


async def test_databases_of_an_older_version_can_not_be_audited(stopped: str) -> None:
    async with of_older_version(stopped):
        status, said = await audited(stopped)
    assert status == 2
    assert "start the product once" in said


async def test_keys_of_databases_of_an_older_version_can_not_be_changed(
    stopped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    async with of_older_version(stopped):
        with pytest.raises(CommandError, match="start the product once"):
            await asyncio.to_thread(rotate_keys.main, argparse.Namespace(data=None, database=stopped))


@contextlib.asynccontextmanager
async def of_older_version(url: str) -> AsyncIterator[None]:
    """The registers database without sealed UPNs, as before an upgrade."""
    connection = await asyncpg.connect(database_url(url, "registers"))
    await connection.execute(
        "alter table known_upn rename column sealed to upn; alter table pupil rename column upn_key to upn"
    )
    try:
        yield
    finally:
        await connection.execute(
            "alter table known_upn rename column upn to sealed; alter table pupil rename column upn to upn_key"
        )
        await connection.close()
