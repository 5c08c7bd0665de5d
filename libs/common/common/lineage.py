"""Which child an id means, however merges and splits are told: in two schools' ledgers, twice, in any order.

Each id has at most one link: to the id that it was merged into, or that it was split from again. Of all that is told of
an id, the highest version holds, so that what holds is the same for whoever was told the same.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Link(NamedTuple):
    """`parent`: whom an id was merged into; when it is `apart`, whom it was split from. `version` rises with each."""

    parent: str
    version: int
    apart: bool = False


def is_news(known: Link | None, told: Link) -> bool:
    """Whether what is told of an id holds instead of what is known."""
    return known is None or told.version > known.version


def living(links: Mapping[str, Link | None]) -> dict[str, str]:
    """For each id the child that it means. Parents that are not among the ids have no link themselves.

    Two ids may mean each other for as long as a split between two merges has not been told: then the lower one lives.
    """
    found: dict[str, str] = {}
    for start in links:
        way = [start]
        while (link := links.get(way[-1])) is not None and not link.apart:
            if link.parent in way:
                way.append(min(way[way.index(link.parent) :]))
                break
            way.append(link.parent)
        found[start] = way[-1]
    return found
