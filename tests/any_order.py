"""All the ways in which ledgers' entries may arrive: in any batches, again, too early, mixed between schools."""

from random import Random

Chunk = list[tuple[int, bytes]]
"""Entries as they are delivered together: (school, body)."""


def delivery(entries: Chunk, chance: Random) -> list[Chunk]:
    """A school's entries in chunks: some come again, much later or at once, some come too early and again later; all
    have come at the end.
    """
    chunks: list[Chunk] = []
    longest = max(1, len(entries) // chance.randint(1, 10))
    applied = 0
    while applied < len(entries):
        start = max(0, applied + chance.choice([0, 0, 0, 0, -1, -3, 1, 2]))
        end = start + chance.randint(1, longest)
        chunks.append(entries[start:end])
        if start <= applied:
            applied = max(applied, min(end, len(entries)))
        if chance.random() < 0.4:
            again = chance.randrange(applied + 1)
            chunks.append(entries[again : min(again + longest, applied)])
    return [chunk for chunk in chunks if chunk]


def interleaved(first: list[Chunk], second: list[Chunk], chance: Random) -> list[Chunk]:
    """Two schools' deliveries in one partition: their chunks mixed, some of them joined into one."""
    left = [list(first), list(second)]
    mixed: list[Chunk] = []
    while left[0] or left[1]:
        chunk = chance.choice([one for one in left if one]).pop(0)
        if mixed and chance.random() < 0.4:
            mixed[-1] = mixed[-1] + chunk
        else:
            mixed.append(chunk)
    return mixed
