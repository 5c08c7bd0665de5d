"""A smaller story that still differs: one child's ledger, as few writes as can be, delivered as simply as can be."""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from tests.prove.engines import Engines, How
from tests.prove.story import FACTS, MARKED, MERGED, SPLIT, STAYS, Said, Story, Write

SECONDS = 180.0
HOWS: tuple[How, ...] = ("whole", "writes", "any")


async def shrunk(engines: Engines, story: Story, seconds: float = SECONDS) -> tuple[Story, How, str]:
    """The smallest story found in so many seconds, how it is delivered, and what differs then."""
    until = time.monotonic() + seconds
    how, found = await _simplest(engines, story)
    for pupil_id in _named(story, found):
        if time.monotonic() > until:
            break
        own = story.only(_of_children(story.writes, families(story.writes)[pupil_id]))
        alone = await _simplest(engines, own)
        if sort(alone[1]) == sort(found):
            story, (how, found) = own, alone
            break

    async def differs(writes: Sequence[Write]) -> bool:
        return time.monotonic() < until and sort(await told(engines, story.only(writes), how)) == sort(found)

    story = story.only(await fewer(story.writes, differs))
    story = story.only(await fewer([one for write in story.writes for one in _entries(write)], differs))
    return story, how, await told(engines, story, how)


def sort(found: str) -> str:
    """What sort of difference it is: a smaller story that fails in another way is another counterexample."""
    return found.splitlines()[-1].partition(" ")[0].partition(":")[0] if found else ""


async def told(engines: Engines, story: Story, how: How) -> str:
    """What differs; that the engine fails is a difference, too."""
    try:
        return await engines.differences(story, how)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


async def _simplest(engines: Engines, story: Story) -> tuple[How, str]:
    """The simplest delivery by which a story differs; nothing when it doesn't by any."""
    for how in HOWS:
        if found := await told(engines, story, how):
            return how, found
    return "any", ""


async def fewer(writes: Sequence[Write], differs: Callable[[Sequence[Write]], Awaitable[bool]]) -> list[Write]:
    """As few of them as still differ: parts are left out, ever smaller ones."""
    kept = list(writes)
    size = max(1, len(kept) // 2)
    while True:
        at = 0
        while at < len(kept):
            without = kept[:at] + kept[at + size :]
            if without and await differs(without):
                kept = without
            else:
                at += size
        if size == 1:
            return kept
        size = max(1, size // 2)


def _entries(write: Write) -> list[Write]:
    """Each entry as a write of its own."""
    return [Write(write.urn, [entry]) for entry in write.entries]


def _named(story: Story, found: str) -> list[str]:
    """The children of whom a difference speaks; all of them when it names nobody."""
    every = list(families(story.writes))
    return [pupil_id for pupil_id in every if pupil_id in found] or every


def families(writes: Iterable[Write]) -> dict[str, set[str]]:
    """Every id with all that were ever the same child."""
    found: dict[str, set[str]] = {}
    for write in writes:
        for kind, said in write.entries:
            if kind in (MERGED, SPLIT):
                first, second = said["pupil_id"], said["survivor" if kind == MERGED else "other"]
                both = found.get(first, {first}) | found.get(second, {second})
                for pupil_id in both:
                    found[pupil_id] = both
            elif kind in (MARKED, STAYS, FACTS):
                for one in said["marks" if kind == MARKED else "pupils"]:
                    found.setdefault(one["pupil_id"], {one["pupil_id"]})
    return found


def _of_children(writes: Iterable[Write], pupil_ids: set[str]) -> list[Write]:
    """What they say of some children, and of schools."""
    found: list[Write] = []
    for write in writes:
        entries = [one for entry in write.entries if (one := _of_child(entry, pupil_ids)) is not None]
        if entries:
            found.append(Write(write.urn, entries))
    return found


def _of_child(entry: Said, pupil_ids: set[str]) -> Said | None:
    kind, said = entry
    if kind in (MERGED, SPLIT):
        return entry if said["pupil_id"] in pupil_ids else None
    name = {MARKED: "marks", STAYS: "pupils", FACTS: "pupils"}.get(kind)
    if name is None:
        return entry
    own: list[Any] = [one for one in said[name] if one["pupil_id"] in pupil_ids]
    return (kind, {**said, name: own}) if own else None
