"""News become tasks, cases and timelines in a real database."""

import asyncio
from typing import Any

import pytest
from casework import consumer
from casework.actions import look, work
from casework.domain import wording
from casework.domain.values import Task
from casework.store.look import TaskFilter
from casework.store.republish import republish
from common.broker import Partition, Record
from common.db import Database
from common.errors import MovedError, NotFoundError, StaleError
from common.events import Revision, decode
from common.events import notifications as letters
from common.migrate import differences
from common.preconditions import NOTHING_ASKED, Precondition

from tests.integration.casework.conftest import CLOCK, Tell
from tests.told import crossing, letter, merge, records, some_id

NIL = "00000000-0000-0000-0000-000000000000"


async def tasks(database: Database, **filters: Any) -> list[Task]:
    async with database.transaction() as tx:
        return await look.tasks(tx, TaskFilter(**({"schools": None} | filters)), 100)


async def said(database: Database) -> list[Any]:
    async with database.connection() as tx:
        return [decode(row["body"]).data for row in await tx.fetch("select body from outbox order by id")]


async def test_the_migrations_say_what_the_tables_say(database: Database) -> None:
    assert await differences(database.url, "casework") == []


async def test_a_crossing_opens_a_task_and_a_case_and_tells_of_both_once(database: Database, tell: Tell) -> None:
    await tell(crossing())
    await tell(crossing())
    (task,) = await tasks(database)
    assert (task.kind, task.status, task.school_urn) == ("support_review", "open", 100001)
    assert [type(data).__name__ for data in await said(database)] == ["CaseOpened", "TaskOpened"]
    async with database.transaction() as tx:
        file = await look.case(tx, task.case_id, None)
    assert [entry.kind for entry in file.timeline] == ["episode-crossed", "case-opened", "task-opened"]


async def test_a_reversal_and_its_return_close_and_reopen_the_same_task(database: Database, tell: Tell) -> None:
    await tell(crossing())
    await tell(crossing("reversed", count=2))
    assert [task.status for task in await tasks(database)] == ["cancelled"]
    await tell(crossing(count=3))
    (task,) = await tasks(database, status="open")
    assert task.revision.count == 3
    kinds = [(type(data).__name__, data.revision.count) for data in await said(database)]
    assert kinds[1:] == [("TaskOpened", 1), ("TaskClosed", 2), ("TaskOpened", 3)]


async def test_a_letter_that_goes_to_nobody_has_its_recipient_checked_until_its_reason_goes(
    database: Database, tell: Tell
) -> None:
    withheld = {"status": "recalled", "withheld": "barred"}
    await tell(crossing(), letter())
    await tell(letter(letters.LetterRecalled, count=2, **withheld), letter(letters.LetterRecalled, count=2, **withheld))
    (task,) = await tasks(database, kind="check_recipient")
    assert (task.status, task.letter_id, task.due_on.isoformat()) == ("open", some_id("l1"), "2025-10-03")
    assert "court order" in task.reason
    await tell(letter(letters.LetterRecalled, count=3, status="recalled"))
    assert [one.status for one in await tasks(database, kind="check_recipient")] == ["cancelled"]
    await tell(letter(letters.LetterRecalled, count=4, **withheld))
    (again,) = await tasks(database, kind="check_recipient")
    assert (again.task_id, again.status) == (task.task_id, "open")


async def test_a_crossing_with_nobody_to_write_to_has_its_recipient_looked_for_until_there_is_one(
    database: Database, tell: Tell
) -> None:
    nobody: dict[str, Any] = {"recipient_id": NIL, "status": "recalled", "withheld": "nobody"}
    await tell(crossing(), letter(letters.LetterRecalled, **nobody), letter(letters.LetterRecalled, **nobody))
    (task,) = await tasks(database, kind="check_recipient")
    assert (task.status, task.letter_id) == ("open", some_id("l1"))
    assert "Nobody" in task.reason
    await tell(letter(letters.LetterQueued, count=2))
    (task,) = await tasks(database, kind="check_recipient")
    assert (task.status, task.reason) == ("cancelled", wording.RECIPIENT_CHECKED)


async def test_an_older_revision_that_comes_late_changes_no_task_but_is_on_the_timeline(
    database: Database, tell: Tell
) -> None:
    await tell(crossing("reversed", count=2))
    await tell(crossing(count=1))
    assert await tasks(database) == []
    async with database.connection() as tx:
        assert await tx.fetchval("select count(*) from timeline") == 2


async def test_a_merge_moves_tasks_and_timeline_and_closes_the_dead_childs_case(database: Database, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", pupil_id=some_id("c2")))
    (dead_case,) = {task.case_id for task in await tasks(database, pupil_id=some_id("c2"))}
    await tell(merge("c2", "c1"))
    moved = await tasks(database, pupil_id=some_id("c2"))
    assert {(task.pupil_id, task.episode_id) for task in moved} == {
        (some_id("c1"), some_id("e1")), (some_id("c1"), some_id("e2")),
    }  # fmt: skip
    assert len({task.case_id for task in moved}) == 1
    async with database.transaction() as tx:
        with pytest.raises(MovedError) as told:
            await look.case(tx, dead_case, None)
        file = await look.case(tx, moved[0].case_id, None)
        (listed,) = await look.cases(tx, None, some_id("c2"), None, 10)
    assert told.value.location == f"/v1/cases/{moved[0].case_id}"
    assert listed == file.case
    assert {entry.episode_id for entry in file.timeline} >= {some_id("e1"), some_id("e2")}
    await tell(merge("c2", "c1"))
    assert await tasks(database) == sorted(moved, key=lambda task: (task.due_on, task.task_id))


async def test_news_about_a_dead_child_that_come_after_the_merge_are_the_survivors(
    database: Database, tell: Tell
) -> None:
    await tell(merge("c2", "c1"), merge("c3", "c2"))
    await tell(crossing(pupil_id=some_id("c3")))
    assert [task.pupil_id for task in await tasks(database)] == [some_id("c1")]


async def test_a_survivor_without_a_case_gets_that_of_the_dead_child(database: Database, tell: Tell) -> None:
    await tell(crossing(pupil_id=some_id("c2")))
    (before,) = await tasks(database)
    await tell(merge("c2", "c1"))
    (after,) = await tasks(database)
    assert (after.case_id, after.pupil_id) == (before.case_id, some_id("c1"))


async def test_letters_are_on_the_timeline_and_one_that_left_too_early_becomes_a_task(
    database: Database, tell: Tell
) -> None:
    await tell(crossing())
    await tell(letter(), topic=letters.TOPIC)
    overtaken = letter(letters.LetterOvertaken, count=3, status="sent", overtaken=True)
    await tell(overtaken, overtaken, topic=letters.TOPIC)
    (task,) = await tasks(database, kind="already_sent")
    assert (task.status, task.letter_id) == ("open", some_id("l1"))
    async with database.transaction() as tx:
        file = await look.case(tx, task.case_id, None)
    assert [entry.kind for entry in file.timeline if entry.kind.startswith("letter")] == [
        "letter-queued", "letter-overtaken",
    ]  # fmt: skip


async def test_a_letter_that_a_merge_moved_is_told_as_sent_once(database: Database, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", pupil_id=some_id("c2")))
    sent = {"letter_id": some_id("l1"), "status": "sent", "episode_id": some_id("e2")}
    await tell(letter(letters.LetterSent, count=2, pupil_id=some_id("c2"), **sent), topic=letters.TOPIC)
    await tell(merge("c2", "c1"))
    await tell(letter(letters.LetterSent, count=3, pupil_id=some_id("c1"), **sent), topic=letters.TOPIC)
    (task, _) = await tasks(database)
    async with database.transaction() as tx:
        file = await look.case(tx, task.case_id, None)
    assert [entry.kind for entry in file.timeline if entry.kind.startswith("letter")] == ["letter-sent"]


async def test_a_school_sees_its_own_tasks_and_what_is_told_of_them(database: Database, tell: Tell) -> None:
    await tell(crossing(), crossing(episode="e2", kind="SA", school_urn=100002))
    own = frozenset({100002})
    (task,) = await tasks(database, schools=own)
    async with database.transaction() as tx:
        file = await look.case(tx, task.case_id, own)
        assert {entry.episode_id for entry in file.timeline} == {None, some_id("e2")}
        with pytest.raises(NotFoundError):
            await look.case(tx, task.case_id, frozenset({100003}))
        with pytest.raises(NotFoundError):
            await look.task(tx, some_id("none"), None)


async def test_completing_a_task_is_told_and_a_stale_reader_is_refused(database: Database, tell: Tell) -> None:
    await tell(crossing())
    (task,) = await tasks(database)

    async def complete(note: str, revision: Revision) -> Task:
        only = Precondition(match=frozenset({str(revision)}))
        async with database.transaction() as tx:
            return await work.complete(tx, task.task_id, "support_agreed", note, None, only, CLOCK)

    with pytest.raises(StaleError):
        await complete("n", Revision(1, 7))
    done = await complete("n", task.revision)
    assert (await complete("n", task.revision)) == done
    assert (await said(database))[-1].outcome == "support_agreed"
    async with database.connection() as tx:
        assert await tx.fetchval("select count(*) from outbox") == 3


async def test_an_outcome_in_somebodys_own_words_stays_in_casework(database: Database, tell: Tell) -> None:
    await tell(crossing())
    (task,) = await tasks(database)
    async with database.transaction() as tx:
        await work.complete(tx, task.task_id, "Spoke to Ms Parent", None, None, NOTHING_ASKED, CLOCK)
    assert (await said(database))[-1].outcome == "other"


async def test_two_consumers_with_the_same_news_make_one_task(database: Database, tell: Tell) -> None:
    batch = [crossing(episode=f"e{n}", pupil_id=some_id(f"c{n}")) for n in range(30)]
    await asyncio.gather(tell(*batch), tell(*reversed(batch)), tell(merge("c1", "c2")), tell(merge("c3", "c2")))
    found = await tasks(database)
    assert len(found) == 30
    assert len({task.pupil_id for task in found}) == 28
    assert len(await said(database)) >= 58  # both merges may come first


async def test_a_record_that_makes_no_sense_is_kept_aside_and_holds_nobody_up(database: Database) -> None:
    bad = crossing(pupil_id="nobody")
    handle = consumer.handler(CLOCK)
    noise = Record(Partition("absence-engine", 0), 99, b"", b"{", "x")
    await database.in_transaction(lambda tx: handle(tx, [*records([bad, crossing()]), noise]))
    assert len(await tasks(database)) == 1
    async with database.connection() as tx:
        assert await tx.fetchval("select count(*) from dead_letter") == 2


async def test_republishing_says_the_current_state_with_the_same_revisions(database: Database, tell: Tell) -> None:
    await tell(crossing())
    before = await said(database)
    assert await database.in_transaction(republish) == 2
    assert [data.revision for data in (await said(database))[2:]] == [data.revision for data in before]
    assert await database.in_transaction(lambda tx: republish(tx, school=1)) == 0
