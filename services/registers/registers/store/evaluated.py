"""What the standing marks were last judged by, beside roll and calendar: the day, and the code table."""

from common.db import Transaction

READ = "select what, value from evaluated"
NOTE = """
insert into evaluated (what, value) values ($1, $2) on conflict (what) do update set value = excluded.value
"""


async def read(tx: Transaction) -> dict[str, str]:
    """The notes: `today` and `code-table`; empty at first."""
    return {row["what"]: row["value"] for row in await tx.fetch(READ)}


async def note(tx: Transaction, what: str, value: str) -> None:
    """Replaces a note."""
    await tx.execute(NOTE, what, value)
