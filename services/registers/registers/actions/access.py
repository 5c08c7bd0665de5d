"""What a caller may see: schools that the token lists, and the children whom one of them knows (invariant 7)."""

from common.db import Transaction
from common.errors import NotFoundError
from common.security import Caller

from registers.store import reading, schools


def check_school(caller: Caller, urn: int) -> None:
    """NotFoundError when the token does not open this school."""
    caller.reach.check_school(urn)


async def check_known_school(tx: Transaction, caller: Caller, urn: int) -> None:
    """NotFoundError when the token does not open this school, or nobody knows it."""
    check_school(caller, urn)
    if not await schools.exists(tx, urn):
        raise NotFoundError("No such school.")


async def living_pupil(tx: Transaction, caller: Caller, pupil_id: str) -> str:
    """The id under which the child lives now; NotFoundError when no school that the caller may see knows the child."""
    living = await reading.living_pupil(tx, pupil_id, caller.reach.schools)
    if living is None:
        raise NotFoundError("No such pupil.")
    return living
