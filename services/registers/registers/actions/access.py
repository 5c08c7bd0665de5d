"""What a caller may see: schools in its reach, and the children whom one of them knows (invariant 7) and who are in its
cohorts.
"""

from common.db import Transaction
from common.errors import NotFoundError
from common.security import Caller

from registers.store import flags, reading, schools


def check_school(caller: Caller, urn: int) -> None:
    """NotFoundError when the token does not open this school."""
    caller.reach.check_school(urn)


async def check_known_school(tx: Transaction, caller: Caller, urn: int) -> None:
    """NotFoundError when the token does not open this school, or nobody knows it."""
    check_school(caller, urn)
    if not await schools.exists(tx, urn):
        raise NotFoundError("No such school.")


async def living_pupil(tx: Transaction, caller: Caller, pupil_id: str) -> str:
    """The id under which the child lives now; NotFoundError when no school that the caller may see knows the child, or
    the child is in none of its cohorts.
    """
    living = await reading.living_pupil(tx, pupil_id, caller.reach.schools)
    if living is None or not await _is_in_cohort(tx, caller, living):
        raise NotFoundError("No such pupil.")
    return living


async def _is_in_cohort(tx: Transaction, caller: Caller, living: str) -> bool:
    """Whether the child has one of the flags today that the caller's children have; only then its flags are read."""
    if caller.reach.cohorts is None:
        return True
    spans = (await flags.of_children(tx, [living])).get(living, ())
    return caller.reach.has_cohort({span.flag for span in spans if span.holds(caller.on)})
