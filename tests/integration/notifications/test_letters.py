"""From a crossing to a letter in the folder, and back while that is possible."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from common.errors import NotFoundError, UnavailableError
from common.migrate import differences
from notifications.actions import look
from notifications.actions.send import send_due
from notifications.actions.settle import settle_due
from notifications.channels import HandOverError, Parcel
from notifications.channels.folder import FolderChannel
from notifications.domain.values import NOBODY
from notifications.store.republish import republish

from tests.integration.notifications.conftest import HOLD, Desk, RegistersService
from tests.told import crossing, merge, some_id, split

GO_ON = asyncio.Event()


async def send(desk: Desk) -> tuple[int, str]:
    return await send_due(desk.office, GO_ON)


async def by_several(step: Callable[[], Awaitable[tuple[int, str]]]) -> None:
    """Three workers at once, until none of them finds anything to do."""
    while sum(done for done, _ in await asyncio.gather(step(), step(), step())):
        pass


def on_paper(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "letters").glob("*") if path.name != "emailed")


async def test_the_migrations_say_what_the_tables_say(desk: Desk) -> None:
    assert await differences(desk.office.database.url, "notifications") == []


async def test_a_firm_crossing_becomes_a_held_letter_and_leaves_when_the_hold_has_passed(
    desk: Desk, tmp_path: Path
) -> None:
    (letter,) = await desk.settled(crossing())
    assert (letter.status, letter.channel, letter.recipient_id) == ("queued", "letter", some_id("p1"))
    assert await send(desk) == (0, "")
    desk.after_the_hold()
    assert await send(desk) == (1, "")
    (letter,) = await desk.letters()
    assert (letter.status, letter.sent_at) == ("sent", desk.wall.at)
    assert on_paper(tmp_path) == [letter.letter_id]
    text = (tmp_path / "letters" / letter.letter_id / "letter.txt").read_text()
    assert "Parent p1" in text
    assert "30 September 2025" in text
    assert await desk.said_kinds() == ["LetterQueued", "LetterSent"]
    assert await send(desk) == (0, "")


async def test_the_same_crossing_told_twice_writes_once(desk: Desk) -> None:
    await desk.settled(crossing(), crossing())
    await desk.settled(crossing())
    await asyncio.gather(settle_due(desk.office), settle_due(desk.office))
    assert len(await desk.letters()) == 1
    assert await desk.said_kinds() == ["LetterQueued"]


async def test_each_parent_who_may_be_written_to_gets_one(desk: Desk, registers: RegistersService) -> None:
    registers.name("p2")
    registers.name("p3", do_not_contact=True)
    registers.name("p4", parental_responsibility=False)
    registers.name("p5", name="PARENT P2", school_urn=100002)
    letters = await desk.settled(crossing())
    assert {letter.recipient_id for letter in letters} == {some_id("p1"), some_id("p2")}


async def test_a_settlement_waits_for_registers_and_no_letter_is_lost(desk: Desk, registers: RegistersService) -> None:
    registers.away = True
    await desk.tell(crossing())
    assert await settle_due(desk.office) == (1, "registers is away")
    assert await settle_due(desk.office) == (0, "")
    registers.away = False
    desk.wall.forward(timedelta(seconds=2))
    assert await settle_due(desk.office) == (1, "")
    assert len(await desk.letters()) == 1


async def test_a_child_that_registers_does_not_know_is_asked_for_again(desk: Desk, registers: RegistersService) -> None:
    registers.known = False
    await desk.tell(crossing())
    assert (await settle_due(desk.office))[1] == "registers does not know a child"
    registers.known = True
    desk.wall.forward(timedelta(seconds=61))
    await settle_due(desk.office)
    assert len(await desk.letters()) == 1


async def test_recipients_are_settled_once_and_later_contacts_get_nothing(
    desk: Desk, registers: RegistersService
) -> None:
    await desk.settled(crossing())
    registers.name("p2")
    await desk.settled(crossing("reversed", count=2))
    letters = await desk.settled(crossing(count=3))
    assert [(letter.recipient_id, letter.status) for letter in letters] == [(some_id("p1"), "queued")]


async def test_a_reversal_recalls_a_queued_letter_and_it_comes_back_under_its_id(desk: Desk, tmp_path: Path) -> None:
    (before,) = await desk.settled(crossing())
    await desk.tell(crossing("reversed", count=2))
    assert [letter.status for letter in await desk.letters()] == ["recalled"]
    desk.after_the_hold()
    assert await send(desk) == (0, "")
    await desk.tell(crossing(count=3))
    (again,) = await desk.letters()
    assert (again.letter_id, again.status) == (before.letter_id, "queued")
    assert again.hold_until == before.hold_until + desk.office.hold
    assert await send(desk) == (0, "")
    assert on_paper(tmp_path) == []
    assert await desk.said_kinds() == ["LetterQueued", "LetterRecalled", "LetterQueued"]


async def test_a_reversal_before_the_recipients_were_found_writes_nothing(desk: Desk) -> None:
    await desk.tell(crossing())
    await desk.tell(crossing("reversed", count=2))
    assert await settle_due(desk.office) == (0, "")
    assert await desk.letters() == []


async def test_a_letter_that_was_sent_is_overtaken_once_and_never_sent_again(desk: Desk) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    await send(desk)
    await desk.tell(crossing("reversed", count=2), crossing("reversed", count=2))
    await desk.tell(crossing(count=3))
    await desk.tell(crossing("reversed", count=4))
    (letter,) = await desk.letters()
    assert (letter.status, letter.overtaken) == ("sent", True)
    assert await desk.said_kinds() == ["LetterQueued", "LetterSent", "LetterOvertaken"]
    assert [data.revision.count for data in await desk.said()] == [1, 2, 3]


async def test_permission_is_asked_again_right_before_sending(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    registers.name("p1", do_not_contact=True)
    assert await send(desk) == (1, "")
    assert [letter.status for letter in await desk.letters()] == ["recalled"]
    assert on_paper(tmp_path) == []
    registers.name("p1")
    await desk.tell(crossing("changed", count=2))
    assert [letter.status for letter in await desk.letters()] == ["recalled"]


async def test_a_recipient_whom_a_court_order_bars_while_the_letter_is_held_gets_none_and_a_person_is_told(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    (letter,) = await desk.settled(crossing())
    desk.after_the_hold()
    registers.name("p1", contact_barred={"from": "2025-09-01", "to": None, "order": "B 12/2025"})
    assert await send(desk) == (1, "")
    (after,) = await desk.letters()
    assert (after.status, after.withheld_why, on_paper(tmp_path)) == ("recalled", "barred", [])
    assert [(type(data).__name__, data.withheld) for data in await desk.said()] == [
        ("LetterQueued", None), ("LetterRecalled", "barred"),
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="court order"):
        await look.content(desk.office, letter.letter_id, None)


async def test_a_recipient_who_vanished_while_the_letter_was_held_gets_none_and_a_person_is_told(
    desk: Desk, registers: RegistersService
) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    registers.contacts = []
    await send(desk)
    assert [letter.withheld_why for letter in await desk.letters()] == ["gone"]
    await desk.tell(crossing("reversed", count=2))
    assert [(letter.withheld, letter.withheld_why) for letter in await desk.letters()] == [(False, None)]
    assert [data.withheld for data in await desk.said()] == [None, "gone", None]


async def test_a_parent_of_no_fixed_abode_gets_no_letter_in_the_folder_and_a_person_is_told(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    registers.name("p1", address=None, no_fixed_abode=True)
    registers.name("p2")
    letters = await desk.settled(crossing())
    assert {letter.recipient_id: (letter.status, letter.withheld_why) for letter in letters} == {
        some_id("p1"): ("recalled", "no-address"), some_id("p2"): ("queued", None),
    }  # fmt: skip
    desk.after_the_hold()
    assert await send(desk) == (1, "")
    assert len(on_paper(tmp_path)) == 1


async def test_who_has_no_more_than_the_name_of_a_barred_person_gets_no_letter_and_a_person_is_told(
    desk: Desk, registers: RegistersService
) -> None:
    order = {"from": "2025-09-01", "to": None, "order": "B 12/2025"}
    registers.name("p2", name="Parent p1", school_urn=100002, address=None, contact_barred=order)
    (letter,) = await desk.settled(crossing())
    assert (letter.recipient_id, letter.status, letter.withheld_why) == (some_id("p1"), "recalled", "perhaps-barred")
    with pytest.raises(NotFoundError, match="court order"):
        await look.content(desk.office, letter.letter_id, None)


@pytest.mark.parametrize("barred", [False, True])
async def test_a_crossing_with_nobody_to_write_to_tells_a_person_once_until_somebody_is_there(
    desk: Desk, registers: RegistersService, barred: bool
) -> None:
    registers.contacts = []
    if barred:
        registers.name("p1", contact_barred={"from": "2025-09-01", "to": None, "order": "B 12/2025"})
    (waiting,) = await desk.settled(crossing())
    assert (waiting.recipient_id, waiting.status, waiting.withheld_why) == (NOBODY, "recalled", "nobody")
    for _ in range(3):
        desk.wall.forward(timedelta(hours=1))
        assert await desk.settled(crossing()) == [waiting]
    registers.name("p2")
    registers.name("p3")
    desk.wall.forward(timedelta(hours=1))
    letters = {letter.recipient_id: letter for letter in await desk.settled()}
    assert set(letters) == {some_id("p2"), some_id("p3")}
    assert waiting.letter_id in {letter.letter_id for letter in letters.values()}
    assert {(letter.status, letter.hold_until) for letter in letters.values()} == {("queued", desk.wall.at + HOLD)}
    assert [data.withheld for data in await desk.said()] == ["nobody", None, None]
    desk.after_the_hold()
    assert await send(desk) == (2, "")


async def test_a_letter_to_nobody_waits_only_while_its_episode_is_open(desk: Desk, registers: RegistersService) -> None:
    registers.contacts = []
    await desk.settled(crossing())
    for what, count, withheld in (("ended", 2, None), ("changed", 3, "nobody"), ("reversed", 4, None)):
        (letter,) = await desk.settled(crossing(what, count=count))
        assert (letter.status, letter.withheld_why) == ("recalled", withheld), what
    registers.name("p1")
    desk.wall.forward(timedelta(hours=1))
    assert [letter.recipient_id for letter in await desk.settled()] == [NOBODY]
    (letter,) = await desk.settled(crossing(count=5))
    assert (letter.recipient_id, letter.status) == (some_id("p1"), "queued")


async def test_an_episode_that_had_ended_writes_to_nobody_who_comes_later(
    desk: Desk, registers: RegistersService
) -> None:
    registers.contacts = []
    await desk.settled(crossing())
    desk.wall.forward(timedelta(hours=1))
    await desk.settled(crossing("ended", count=2))
    registers.name("p1")
    desk.wall.forward(timedelta(hours=2))
    asked = registers.asked
    assert [letter.withheld_why for letter in await desk.settled()] == [None]
    assert registers.asked == asked
    await desk.tell(crossing("changed", count=3))
    assert [letter.recipient_id for letter in await desk.settled()] == [some_id("p1")]


async def test_an_address_that_is_lost_while_the_letter_is_held_withholds_it(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    await desk.settled(crossing())
    registers.name("p1", address={"lines": [" "], "postcode": ""})
    desk.after_the_hold()
    await send(desk)
    assert [letter.withheld_why for letter in await desk.letters()] == ["no-address"]
    assert on_paper(tmp_path) == []


async def test_the_address_is_the_one_known_right_before_sending(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    (letter,) = await desk.settled(crossing())
    registers.name("p1", address={"lines": ["7 New Lane"], "postcode": "B7 7ZZ"})
    desk.after_the_hold()
    await send(desk)
    assert "7 New Lane" in (tmp_path / "letters" / letter.letter_id / "letter.txt").read_text()


async def test_a_letter_waits_while_registers_is_away(desk: Desk, registers: RegistersService) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    registers.away = True
    assert await send(desk) == (0, "registers is away")
    assert [letter.status for letter in await desk.letters()] == ["queued"]
    registers.away = False
    desk.wall.forward(timedelta(seconds=6))
    assert await send(desk) == (1, "")


class Killed(BaseException):
    """The process is gone, as far as the code under test can tell."""


class Breaking(FolderChannel):
    """The folder, on a machine that dies before or after the letter is in it."""

    def __init__(self, folder: Path, *, after: bool, repeatable: bool = True) -> None:
        super().__init__(folder)
        self.after, self.repeatable = after, repeatable

    async def deliver(self, parcel: Parcel) -> None:
        if self.after:
            await super().deliver(parcel)
        raise Killed


@pytest.mark.parametrize("after", [False, True])
async def test_after_a_crash_the_folder_is_repeated_and_holds_one_letter(
    desk: Desk, tmp_path: Path, after: bool
) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    with pytest.raises(Killed):
        await send(desk.with_channels(letter=Breaking(tmp_path / "letters", after=after)))
    assert [letter.status for letter in await desk.letters()] == ["sending"]
    assert await send(desk) == (1, "")
    (letter,) = await desk.letters()
    assert (letter.status, on_paper(tmp_path)) == ("sent", [letter.letter_id])
    assert await desk.said_kinds() == ["LetterQueued", "LetterSent"]


async def test_after_a_crash_a_channel_that_can_not_be_repeated_leaves_a_failed_letter(
    desk: Desk, tmp_path: Path
) -> None:
    breaking = desk.with_channels(letter=Breaking(tmp_path / "letters", after=False, repeatable=False))
    await desk.settled(crossing())
    desk.after_the_hold()
    with pytest.raises(Killed):
        await send(breaking)
    assert await send(breaking) == (1, "")
    assert [letter.status for letter in await desk.letters()] == ["failed"]
    assert (await desk.said_kinds())[-1] == "LetterFailed"


async def test_an_orphan_whose_reason_has_gone_is_not_sent_again(desk: Desk, tmp_path: Path) -> None:
    await desk.settled(crossing())
    desk.after_the_hold()
    with pytest.raises(Killed):
        await send(desk.with_channels(letter=Breaking(tmp_path / "letters", after=False)))
    await desk.tell(crossing("reversed", count=2))
    assert await send(desk) == (1, "")
    (letter,) = await desk.letters()
    assert (letter.status, letter.overtaken, on_paper(tmp_path)) == ("failed", True, [])
    assert await desk.said_kinds() == ["LetterQueued", "LetterOvertaken", "LetterFailed"]


class Slow(FolderChannel):
    """The folder, with somebody in the way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def deliver(self, parcel: Parcel) -> None:
        self.reached.set()
        await self.go_on.wait()
        await super().deliver(parcel)


async def test_a_letter_in_somebodys_hands_is_no_orphan_and_a_reversal_overtakes_it(desk: Desk, tmp_path: Path) -> None:
    slow = Slow(tmp_path / "letters")
    await desk.settled(crossing())
    desk.after_the_hold()
    sending = asyncio.create_task(send(desk.with_channels(letter=slow)))
    await asyncio.wait_for(slow.reached.wait(), 10)
    assert await send(desk) == (0, "")
    await desk.tell(crossing("reversed", count=2))
    slow.go_on.set()
    assert await sending == (1, "")
    (letter,) = await desk.letters()
    assert (letter.status, letter.overtaken) == ("sent", True)
    assert await desk.said_kinds() == ["LetterQueued", "LetterOvertaken", "LetterSent"]


async def test_a_hand_over_that_breaks_off_leaves_a_failed_letter(desk: Desk, tmp_path: Path) -> None:
    class Refusing(FolderChannel):
        async def deliver(self, parcel: Parcel) -> None:
            raise HandOverError("refused")

    await desk.settled(crossing())
    desk.after_the_hold()
    assert await send(desk.with_channels(letter=Refusing(tmp_path / "letters"))) == (1, "")
    assert [letter.status for letter in await desk.letters()] == ["failed"]


async def test_a_letter_waits_while_its_channel_is_away(desk: Desk, tmp_path: Path) -> None:
    in_the_way = tmp_path / "letters"
    in_the_way.write_text("not a folder")
    await desk.settled(crossing())
    desk.after_the_hold()
    assert await send(desk) == (0, "channel letter is away")
    assert [letter.status for letter in await desk.letters()] == ["queued"]
    in_the_way.unlink()
    desk.wall.forward(timedelta(seconds=6))
    assert await send(desk) == (1, "")


async def test_a_recall_that_comes_while_the_channel_opens_wins(desk: Desk, tmp_path: Path) -> None:
    class Opening(FolderChannel):
        @asynccontextmanager
        async def open(self) -> AsyncGenerator[FolderChannel]:
            await desk.tell(crossing("reversed", count=2))
            yield self

    await desk.settled(crossing())
    desk.after_the_hold()
    assert await send(desk.with_channels(letter=Opening(tmp_path / "letters"))) == (0, "")
    assert [letter.status for letter in await desk.letters()] == ["recalled"]
    assert on_paper(tmp_path) == []


async def test_letters_of_a_dead_child_follow_the_survivor(desk: Desk) -> None:
    await desk.settled(crossing(pupil_id=some_id("c2")))
    await desk.tell(merge("c2", "c1"))
    await desk.tell(merge("c2", "c1"))
    (letter,) = await desk.letters(pupil_id=some_id("c2"))
    assert (letter.pupil_id, letter.revision.count) == (some_id("c1"), 2)
    await desk.tell(crossing("reversed", count=2, pupil_id=some_id("c2")))
    assert [one.status for one in await desk.letters()] == ["recalled"]


@pytest.mark.parametrize("split_first", [True, False])
async def test_letters_of_a_restored_child_are_its_own_again(desk: Desk, *, split_first: bool) -> None:
    await desk.settled(crossing(pupil_id=some_id("c2")))
    await desk.tell(merge("c2", "c1", 1), crossing("changed", count=2))
    assert [letter.pupil_id for letter in await desk.letters()] == [some_id("c1")]
    news = [split("c1", "c2", 2), crossing("changed", count=3, pupil_id=some_id("c2"))]
    for one in news if split_first else reversed(news):
        await desk.tell(one)
    assert {(letter.pupil_id, letter.status) for letter in await desk.letters()} == {(some_id("c2"), "queued")}


async def test_a_split_queues_the_letter_that_a_graver_one_of_the_other_child_had_displaced(desk: Desk) -> None:
    await desk.settled(crossing(), crossing(episode="e2", kind="SA", pupil_id=some_id("c2")))
    await desk.tell(merge("c2", "c1", 1), crossing("changed", episode="e2", kind="SA", count=2))
    await desk.tell(split("c1", "c2", 2), crossing("changed", episode="e2", kind="SA", count=3, pupil_id=some_id("c2")))
    assert {letter.kind: letter.status for letter in await desk.letters()} == {
        "persistent_absence": "queued", "severe_absence": "queued",
    }  # fmt: skip


async def test_a_severe_episode_that_comes_by_a_merge_recalls_the_persistent_letter(desk: Desk) -> None:
    await desk.settled(crossing(), crossing(episode="e2", kind="SA", pupil_id=some_id("c2")))
    await desk.tell(merge("c2", "c1"))
    assert {letter.kind: letter.status for letter in await desk.letters()} == {
        "persistent_absence": "recalled", "severe_absence": "queued",
    }  # fmt: skip


async def test_many_crossings_at_once_by_several_workers_write_each_letter_once(
    desk: Desk, registers: RegistersService, tmp_path: Path
) -> None:
    registers.name("p2")
    told = [crossing(episode=f"e{n}", pupil_id=some_id(f"c{n}")) for n in range(20)]
    await asyncio.gather(desk.tell(*told), desk.tell(*reversed(told)), desk.tell(merge("c1", "c2")))
    await by_several(lambda: settle_due(desk.office))
    assert len(await desk.letters()) == 40
    desk.after_the_hold()
    await by_several(lambda: send(desk))
    letters = await desk.letters()
    assert {letter.status for letter in letters} == {"sent"}
    assert on_paper(tmp_path) == sorted(letter.letter_id for letter in letters)
    kinds = await desk.said_kinds()
    assert kinds.count("LetterSent") == 40


async def test_what_a_queued_letter_will_say_is_written_from_what_registers_knows(
    desk: Desk, registers: RegistersService
) -> None:
    (letter,) = await desk.settled(crossing())
    assert "Parent p1" in (await look.content(desk.office, letter.letter_id, None)).text
    registers.away = True
    with pytest.raises(UnavailableError):
        await look.content(desk.office, letter.letter_id, None)
    registers.away, registers.contacts = False, []
    with pytest.raises(NotFoundError):
        await look.content(desk.office, letter.letter_id, None)


async def test_what_a_sent_letter_said_stays_what_it_said(desk: Desk, registers: RegistersService) -> None:
    (letter,) = await desk.settled(crossing())
    desk.after_the_hold()
    await send(desk)
    registers.contacts = []
    assert "Parent p1" in (await look.content(desk.office, letter.letter_id, None)).html
    with pytest.raises(NotFoundError):
        await look.content(desk.office, letter.letter_id, frozenset({1}))


async def test_no_name_is_ever_in_the_database(desk: Desk, registers: RegistersService) -> None:
    registers.name("p1", name="Zebedee Quixote", address={"lines": ["77 Unlikely Row"], "postcode": "Z1 1ZZ"})
    await desk.settled(crossing())
    desk.after_the_hold()
    await send(desk)
    async with desk.office.database.connection() as tx:
        tables = await tx.fetch(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
        for table in tables:
            for row in await tx.fetch(f'select t::text as line from "{table["relname"]}" t'):
                assert not any(word in row["line"] for word in ("Zebedee", "Quixote", "Unlikely", "Sam"))
        bodies = [bytes(row["body"]) for row in await tx.fetch("select body from outbox")]
    assert len(bodies) == 2
    assert not any(b"Zebedee" in body for body in bodies)


async def test_a_record_that_makes_no_sense_is_kept_aside_and_holds_nobody_up(desk: Desk) -> None:
    letters = await desk.settled(crossing(pupil_id="nobody"), crossing())
    assert len(letters) == 1
    async with desk.office.database.connection() as tx:
        assert await tx.fetchval("select count(*) from dead_letter") == 1


async def test_republishing_says_the_current_state_with_the_same_revisions(desk: Desk) -> None:
    await desk.settled(crossing())
    before = await desk.said()
    assert await desk.office.database.in_transaction(republish) == 1
    assert [data.revision for data in (await desk.said())[1:]] == [data.revision for data in before]
    assert await desk.office.database.in_transaction(lambda tx: republish(tx, school=1)) == 0
