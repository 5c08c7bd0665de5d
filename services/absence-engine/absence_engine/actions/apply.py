"""Applies ledger entries, in the transaction that moves the position: each effect once.

The order is what keeps two partitions from passing each other: first the rows of all children that the batch touches
are locked, then everything is read. A child's sheets, enrolments and calendars at a school of another partition may be
changing at this moment; whoever comes second sees what the first one wrote.

Map: `apply_entries` and `apply_batch` are the way; `_Family` knows which child an id means; `_due` who is evaluated
now, and who waits for the end of a write or of a recalculation; `_portions` keeps what is in memory bounded;
`_write_marks` changes sheets and notes what that touches. In it each change of a cell is known as columns
(`columns.Cells`: sheet, place, code before, code after, which register): `_keep_history` writes down what stood before.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date

import numpy as np
from common import lineage, outbox
from common.academic import GRID
from common.clock import Clock
from common.db import Transaction
from common.events import Event
from common.events.absence_engine import TOPIC
from common.lineage import Link
from common.overlap import overlapped

from absence_engine.actions import announce
from absence_engine.actions.batch import Batch
from absence_engine.actions.columns import Cells, MarkColumns, Part, changed_places, digest
from absence_engine.actions.evaluate import Touch, evaluate
from absence_engine.actions.holding import Policies
from absence_engine.actions.policies import follow_schools, hold
from absence_engine.domain import events
from absence_engine.domain.flags import flagged
from absence_engine.domain.history import Changes, pack
from absence_engine.domain.records import ChildRecord, Codes, Enrolment, Sheet, SheetKey
from absence_engine.domain.ticks import year_start
from absence_engine.store import children, episodes, history, households, progress, schools, sheets
from absence_engine.store.children import Meaning

EMPTY = bytes(GRID)
CHILDREN_AT_ONCE = 500
PORTIONS_AT_ONCE = 3
"""Of how many children all is in memory at a time, so many times: while one portion's statements are carried out,
others are worked out.
"""


def quiet() -> None:
    """Tells nobody that a portion is done."""


async def apply_entries(tx: Transaction, entries: Sequence[Event], clock: Clock, policies: Policies) -> None:
    """Applies entries that are next in their ledgers, and announces what became of episodes."""
    if not entries:
        return
    changes = Batch()
    urns = {entry.schoolurn for entry in entries if entry.schoolurn}
    changes.know(urns, await progress.states(tx, urns))
    changes.add(entries)
    await apply_batch(tx, changes, clock, policies)


async def apply_batch(
    tx: Transaction, changes: Batch, clock: Clock, policies: Policies, beat: Callable[[], None] = quiet
) -> None:
    """Applies a batch; the schools' ledgers must be locked. May be done again after a deadlock. `beat` is called after
    each portion of children.
    """
    changes.close(await schools.on_roll(tx, changes.replanned()))
    settled = _settled(changes)
    calm = {urn for urn in settled if not changes.runs[urn].recalculating}
    waited = await progress.waiting_at(tx, calm)
    moved = await schools.moves(tx, list(changes.schools.values()))
    await hold(tx, moved)
    family = _Family(await children.lock(tx, changes.ids() | waited))
    await family.complete(tx)

    relinked, others = await _relink(tx, changes, family)
    whole = await _keep_facts(tx, changes, family) | family.of(waited) | others
    due, late = await _due(tx, changes, settled, calm, waited, family)
    whole |= late
    await progress.advance(tx, [_advance(urn, changes, settled) for urn in changes.runs])
    await _announce(tx, _meanings(relinked, changes, clock), changes.reasons, clock)

    async def apply(some: set[str], part: Part) -> None:
        touches, records = await _write_marks(tx, part, changes.marks, family, some, whole)
        told = await evaluate(tx, records, touches, family.living, clock.now(), policies)
        await episodes.save(tx, told)
        await announce.episodes(tx, told, clock)
        beat()

    await overlapped((apply(*portion) for portion in _portions(due, changes.marks, family)), PORTIONS_AT_ONCE)
    await follow_schools(tx, moved, policies, clock)


class _Family:
    """The locked ids and those that died into them: which living child each means, and what is known of it."""

    def __init__(self, rows: Mapping[str, children.ChildRow]) -> None:
        self.born: dict[str, date | None] = {row.pupil_id: row.date_of_birth for row in rows.values()}
        self.flags = {row.pupil_id: row.flags for row in rows.values()}
        self.links = {row.pupil_id: row.link for row in rows.values()}
        self.living: dict[str, str] = {}
        self._ids: dict[str, list[str]] = {}

    async def complete(self, tx: Transaction) -> None:
        """Adds the ids that died into these children."""
        self.links |= await children.dead_links(tx, self.links)
        self._live(lineage.living(self.links))

    def _live(self, living: dict[str, str]) -> None:
        self.living, self._ids = living, {}
        for pupil_id, child in living.items():
            self._ids.setdefault(child, []).append(pupil_id)

    def of(self, pupil_ids: Iterable[str]) -> set[str]:
        """The living children of some ids."""
        return {self.living[pupil_id] for pupil_id in pupil_ids}

    def ids(self, children: Collection[str]) -> set[str]:
        """All ids of some living children."""
        return {pupil_id for child in children for pupil_id in self._ids[child]}

    def relink(self, told: Iterable[tuple[str, Link]]) -> tuple[dict[str, Link], dict[str, str]]:
        """Takes what is news of merges and splits: by id, the links that are new, and the child of each id that means
        another one now.
        """
        news: dict[str, Link] = {}
        for pupil_id, link in told:
            if lineage.is_news(self.links[pupil_id], link):
                self.links[pupil_id] = news[pupil_id] = link
        before = self.living
        if news:
            self._live(lineage.living(self.links))
        return news, {pupil_id: now for pupil_id, now in self.living.items() if before[pupil_id] != now}


def _settled(changes: Batch) -> set[int]:
    """The schools of which a write was completed, and which are not in the middle of a rebuild."""
    former = {urn: state.former for urn, state in changes.states.items()}
    return {
        urn
        for urn, run in changes.runs.items()
        if run.complete_to is not None and run.complete_to >= former.get(urn, 0)
    }


async def _relink(tx: Transaction, changes: Batch, family: _Family) -> tuple[list[Meaning], set[str]]:
    """Has ids mean other children, as merges and splits tell: which do, and the children whom that concerns. An entry
    of another school's ledger may have told more already.
    """
    before = dict(family.living)
    news, living = family.relink(changes.links)
    await children.keep_links(tx, news)
    meanings = await children.mean(tx, living, before, await progress.epoch(tx)) if living else []
    return meanings, family.of({*living, *(before[pupil_id] for pupil_id in living)})


async def _keep_facts(tx: Transaction, changes: Batch, family: _Family) -> set[str]:
    """Writes what is not a mark; the children of whom more than marks changed."""
    await schools.keep_schools(tx, list(changes.schools.values()))
    await schools.keep_calendars(tx, changes.calendars)
    await schools.keep_recalculating(tx, changes.recalculations)
    await schools.replace_enrolments(tx, changes.enrolments)
    newer = await children.tell(tx, list(changes.facts.values()))
    await households.keep(tx, [changes.facts[pupil_id] for pupil_id in sorted(newer)])
    for pupil_id in newer:
        told = changes.facts[pupil_id]
        family.born[pupil_id] = None if told.date_of_birth is None else date.fromisoformat(told.date_of_birth)
        family.flags[pupil_id] = flagged(told.flags, told.flag_spans)
    replanned = {urn for urn, _ in changes.calendars}
    on_roll = {pupil_id for urn in replanned for pupil_id in changes.runs[urn].everybody()}
    return family.of({*newer, *on_roll, *(pupil_id for _, pupil_id in changes.enrolments)})


async def _due(
    tx: Transaction,
    changes: Batch,
    settled: Collection[int],
    calm: Collection[int],
    waited: Collection[str],
    family: _Family,
) -> tuple[set[str], set[str]]:
    """The living children to evaluate now, and those whose earlier marks may not have been; those touched by an
    incomplete write, or by any at a school that is being recalculated (not `calm`), are set aside.
    """
    aside = {urn: run.unfinished if urn in settled else run.everybody() for urn, run in changes.runs.items()}
    if waited:
        await progress.release(tx, calm)
    await progress.set_aside(tx, aside)
    due = family.of(waited) | family.of(id for urn in settled for id in changes.runs[urn].touched)
    set_aside = await progress.still_waiting(tx, family.ids(due))
    due -= family.of(pupil_id for pupil_id, waits in set_aside.items() if waits)
    return due, due & family.of(set_aside)


def _portions(due: set[str], marks: MarkColumns, family: _Family) -> Iterator[tuple[set[str], Part]]:
    """The children that are due, so many that their years fit into memory, with the marks that are theirs; in the end
    the marks of children that are not due. All at once as a rule: only a long lag, the calendar of a large school, or
    the end of its recalculation concerns more. A school's children come together: so do the marks of a register.
    """
    owners = [family.living[key[0]] for key in marks.keys]
    first_school = {owner: key[1] for owner, key in zip(owners, marks.keys, strict=True)}
    ordered = sorted(due, key=lambda child: (first_school.get(child, 0), child))
    others = sorted(first_school.keys() - due, key=lambda child: (first_school[child], child))
    starts = range(0, len(ordered) + len(others), CHILDREN_AT_ONCE)
    portion = {child: n // CHILDREN_AT_ONCE for n, child in enumerate([*ordered, *others])}
    parts = marks.parts(np.array([portion[owner] for owner in owners], np.int64), len(starts))
    for start, part in zip(starts, parts, strict=True):
        yield set(ordered[start : start + CHILDREN_AT_ONCE]), part


async def _write_marks(
    tx: Transaction, part: Part, marks: MarkColumns, family: _Family, due: set[str], whole: set[str]
) -> tuple[dict[str, Touch], list[ChildRecord]]:
    """Changes the sheets, all in one statement, and keeps what stood before. Answers what is touched, and the records,
    of the children that are due.
    """
    ids = family.ids(due)
    stays = await schools.enrolments(tx, ids)
    loaded = {sheet[:3]: sheet for sheet in await sheets.load(tx, ids | {key[0] for key in part.keys})}
    owners = {key: family.living[key[0]] for key in (*loaded, *part.keys)}
    touches = {child: Touch(everything=child in whole) for child in due}
    before = _matrix([loaded[key].codes if key in loaded else EMPTY for key in part.keys])
    after, cells = digest(part, before)
    changed: list[Sheet] = []
    for row, places in changed_places(before, after, cells):
        key = part.keys[row]
        sheet = Sheet(*key, after[row].tobytes())
        changed.append(sheet)
        if (touch := touches.get(owners[key])) is not None:
            _note(touch, key, places, before[row].tobytes())
    await sheets.save(tx, changed)
    await _keep_history(tx, cells, marks)
    loaded |= {sheet[:3]: sheet for sheet in changed}
    touches = {child: touch for child, touch in touches.items() if touch.everything or touch.before}
    return touches, _records(touches, family, loaded, owners, stays)


def _matrix(rows: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, GRID)


async def _keep_history(tx: Transaction, cells: Cells, marks: MarkColumns) -> None:
    """Keeps what stood before each change."""
    if len(cells.row):
        before, number, at = cells.before.astype(np.int64), marks.number[cells.entry], marks.at[cells.entry]
        await history.keep(tx, pack(cells.keys, Changes(cells.row, cells.place, before, number, at)))


def _note(touch: Touch, key: SheetKey, places: list[int], before: bytes) -> None:
    """Adds to a touch what changed on a sheet."""
    touch.before[key] = before
    touch.places[key] = places
    touch.since = min(touch.since, year_start(key[2]) + min(places))


def _records(
    touched: Collection[str],
    family: _Family,
    loaded: dict[SheetKey, Sheet],
    owners: dict[SheetKey, str],
    stays: Iterable[tuple[str, Enrolment]],
) -> list[ChildRecord]:
    its_sheets: dict[str, list[Sheet]] = {child: [] for child in touched}
    its_stays: dict[str, list[Enrolment]] = {child: [] for child in touched}
    for key, sheet in loaded.items():
        if (of_child := its_sheets.get(owners[key])) is not None:
            of_child.append(sheet)
    for pupil_id, stay in stays:
        if (of_child := its_stays.get(family.living[pupil_id])) is not None:
            of_child.append(stay)
    return [
        ChildRecord(
            child,
            family.born.get(child),
            tuple(its_stays[child]),
            tuple(its_sheets[child]),
            flags=family.flags.get(child, ()),
        )
        for child in touched
    ]


def _advance(urn: int, changes: Batch, settled: Collection[int]) -> progress.Advance:
    run = changes.runs[urn]
    registers = [(year, place, heard.marked, heard.missing) for (year, place), heard in run.registers.items()]
    return progress.Advance(urn, run.complete_to if urn in settled else None, run.last_register, registers)


def _meanings(meanings: Iterable[Meaning], changes: Batch, clock: Clock) -> list[Event]:
    """What is said of ids that mean another child now, and of children found within others."""
    now = clock.now()
    new = [split for split in changes.splits if not split.restored]
    return [
        *(events.meaning(*meaning, now) for meaning in meanings),
        *(events.split(told.pupil_id, told.other, told.identity_version, now, restored=False) for told in new),
    ]


async def _announce(tx: Transaction, relinked: Sequence[Event], entries: Sequence[Event], clock: Clock) -> None:
    """Says merges and splits first, then what the entries say of marks N."""
    if said := [*relinked, *events.reasons(entries, clock.now())]:
        await outbox.add(tx, said, TOPIC)
