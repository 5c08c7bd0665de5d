"""What casework keeps sealed, for a rotation of the keys."""

from common.db import Database
from common.idempotency import answer_place
from common.rotating import Sealed, rotate

SEALED = (
    Sealed("task", "said", {"task_id": "uuid"}, "task/{task_id}"),
    Sealed(
        "answered", "sealed", {"subject": "text", "key": "text"}, lambda row: answer_place(row["subject"], row["key"])
    ),
)


async def rotate_all(database: Database) -> dict[str, int]:
    """Seals everything under the current key; how many values it changed, by table and column."""
    return await rotate(database, SEALED)
