"""What the engine keeps sealed, for a rotation of the keys."""

from common.db import Database
from common.rotating import Sealed, rotate

SEALED = (Sealed("personal_target", "said", {"pupil_id": "uuid"}, "personal_target/{pupil_id}"),)


async def rotate_all(database: Database) -> dict[str, int]:
    """Seals everything under the current key; how many values it changed, by table and column."""
    return await rotate(database, SEALED)
