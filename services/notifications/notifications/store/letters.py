"""Letters and settlements, loaded for some children and saved as a batch. Whoever calls holds the locks of the
children.
"""

from collections.abc import Iterable, Sequence

from common import rows
from common.db import Transaction

from notifications.domain.values import Letter, Settlement

OF_CHILDREN = "select * from letter where pupil_id = any($1::uuid[]) order by letter_id for update"
ASTRAY = """
select letter.*, e.pupil_id::text as owner from letter join episode as e using (episode_id)
where letter.pupil_id = any($1::uuid[]) and letter.pupil_id <> e.pupil_id order by letter_id for update of letter
"""
ONE = "select * from letter where letter_id = $1 for update"
SETTLEMENTS = """
select * from settlement where episode_id = any($1::uuid[]) order by episode_id, letter_kind for update
"""

SAVE = rows.upsert("letter", Letter, "letter_id")
ADD = rows.insert("letter", Letter)
OPEN_SETTLEMENTS = rows.upsert("settlement", Settlement, "episode_id, letter_kind")
SETTLED = "update settlement set state = 'settled' where episode_id = $1 and letter_kind = $2"
DROP = """
delete from settlement using unnest($1::uuid[], $2::text[]) as gone (episode_id, letter_kind)
where settlement.episode_id = gone.episode_id and settlement.letter_kind = gone.letter_kind and state = 'due'
"""


async def of_children(tx: Transaction, pupil_ids: Iterable[str]) -> list[Letter]:
    """All letters about these children, locked until the transaction ends."""
    return [rows.read(Letter, row) for row in await tx.fetch(OF_CHILDREN, list(pupil_ids))]


async def astray(tx: Transaction, pupil_ids: Iterable[str]) -> list[tuple[Letter, str]]:
    """The letters about these children whose episode is another child's, locked, each with that child."""
    return [(rows.read(Letter, row), row["owner"]) for row in await tx.fetch(ASTRAY, list(pupil_ids))]


async def locked(tx: Transaction, letter_id: str) -> Letter | None:
    """One letter, locked until the transaction ends."""
    row = await tx.fetchrow(ONE, letter_id)
    return None if row is None else rows.read(Letter, row)


async def settlements(tx: Transaction, episode_ids: Iterable[str]) -> dict[str, Settlement]:
    """The settlements of these episodes, by episode, locked until the transaction ends."""
    found = [rows.read(Settlement, row) for row in await tx.fetch(SETTLEMENTS, list(episode_ids))]
    return {settlement.episode_id: settlement for settlement in found}


async def save(tx: Transaction, letters: Sequence[Letter]) -> None:
    """Keeps letters that changed."""
    if letters:
        await tx.execute(SAVE, rows.as_json(letters))


async def add(tx: Transaction, letters: Sequence[Letter]) -> None:
    """Keeps new letters; one that is there already stays as it is."""
    if letters:
        await tx.execute(ADD, rows.as_json(letters))


async def open_settlements(tx: Transaction, due: Sequence[Settlement]) -> None:
    """Notes that recipients are to be found."""
    if due:
        await tx.execute(OPEN_SETTLEMENTS, rows.as_json(due))


async def drop_settlements(tx: Transaction, gone: Sequence[Settlement]) -> None:
    """Nobody is to be written to any more, and nobody was looked for yet."""
    if gone:
        await tx.execute(DROP, [one.episode_id for one in gone], [one.letter_kind for one in gone])


async def settled(tx: Transaction, settlement: Settlement) -> None:
    """The recipients have been found, once and for all."""
    await tx.execute(SETTLED, settlement.episode_id, settlement.letter_kind)
