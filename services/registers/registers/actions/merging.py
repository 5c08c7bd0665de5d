"""Two ids that turned out to be one child: the holder of the UPN survives, and all that was the other's becomes its
own.

Marks stay under the id that they were sent for. A merge touches every school that knows either of the two: stays,
contacts and local ids move there, and slots in which both had marks are judged as one.
"""

from collections.abc import Sequence
from datetime import date

from registers.actions.writing import Write
from registers.domain import enrolments
from registers.domain.enrolments import Stay
from registers.store import pupils

EVER = (date(2000, 1, 1), date(2999, 12, 31))


async def merge(write: Write, urn: int, merges: Sequence[tuple[str, str]]) -> dict[int, set[str]]:
    """Merges (dead, survivor) pairs, told in the ledger of `urn`; by school that knows one of them, the survivors whose
    slots are to be judged anew: none where only marks may have been waiting for the dead id.

    BeginAgainError when a school that knows one of them is not locked.
    """
    if not merges:
        return {}
    survivor_of = dict(merges)
    knowing = await pupils.schools_knowing(write.tx, [child for pair in merges for child in pair])
    write.needs(knowing)
    stays = await pupils.all_stays(write.tx, [child for pair in merges for child in pair])
    await pupils.merge(write.tx, merges)
    write.facts(urn).merged.extend(merges)
    touched: dict[int, set[str]] = {}
    for school, known in sorted(knowing.items()):
        dead = sorted(known & survivor_of.keys())
        touched[school] = {survivor_of[child] for child in dead}
        moved: dict[str, list[Stay]] = {}
        for child in dead:
            survivor = survivor_of[child]
            theirs = stays.get((school, child), [])
            if theirs:
                moved[survivor] = enrolments.unite(moved.get(survivor, stays.get((school, survivor), [])), theirs)
                write.facts(school).enrolled(enrolments.as_event(child, []))
        await pupils.replace_stays(write.tx, school, moved)
        for child, of in moved.items():
            write.facts(school).enrolled(enrolments.as_event(child, of))
    return touched
