"""Who a roll's rows are: by UPN and local id, against the children that are known (rule book 9; api-surface, roll).

A row names a child by its UPN, else by the school's local id. When the two point at different children, the one without
a UPN of its own (or with a temporary one) turns out to be the UPN's holder: the two are merged, and the holder
survives. A UPN that a child had earlier still means that child until another one is given it; names and the date of
birth tell the two apart, and so they do where the rows of one roll exchange the UPNs of children (`_exchanges`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from registers.domain import upn as upns
from registers.domain.problems import Problem


class Named(NamedTuple):
    """By what one child is told from another who has the same UPN."""

    given_name: str
    family_name: str
    date_of_birth: date | None


class RowKeys(NamedTuple):
    """What names the pupil of a row; a row that was refused before has its problem here. `readable`: local id and UPN
    have the form that they must have, as far as JSON goes.
    """

    local_id: str | None
    upn: str | None
    problem: Problem | None = None
    named: Named | None = None
    readable: bool = True


@dataclass
class Children:
    """The children that matter: by the school's local ids, by UPN, and the UPN of each. Changes while rows are read:
    `survivors` has those that turned out to be another child.

    `by_former`: who had a UPN last that nobody has now; `formerly` is the id, maybe a dead one, that it was given to.
    """

    by_local: dict[str, str] = field(default_factory=dict[str, str])
    by_upn: dict[str, str] = field(default_factory=dict[str, str])
    upn_of: dict[str, str | None] = field(default_factory=dict[str, str | None])
    survivors: dict[str, str] = field(default_factory=dict[str, str])
    by_former: dict[str, str] = field(default_factory=dict[str, str])
    formerly: dict[str, str] = field(default_factory=dict[str, str])
    named: dict[str, Named] = field(default_factory=dict[str, Named])

    def known_as(self, local_id: str | None) -> str | None:
        """The child that the school calls `local_id`."""
        child = self.by_local.get(local_id) if local_id is not None else None
        return self.survivors.get(child, child) if child is not None else None

    def has_permanent(self, child: str) -> bool:
        """Whether a child has a permanent UPN."""
        own = self.upn_of.get(child)
        return own is not None and not upns.is_temporary(own)


class Identity(NamedTuple):
    """Who a row is, or why it is rejected; `is_merged`: the row says that the school's pupil is that child."""

    pupil_id: str | None
    is_new: bool = False
    is_merged: bool = False
    problem: Problem | None = None


@dataclass
class Identities:
    """Who every row is (in order), which ids turned out to be which others, and whose UPN is another now.

    `given_up`: by (id, UPN), each UPN that its child has no longer, and whether another child was given it. `listed`
    has every known child that some row names; `of_anybody` the places of rows that can't be read and may mean any.
    """

    rows: list[Identity] = field(default_factory=list[Identity])
    merges: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    upns: dict[str, str] = field(default_factory=dict[str, str])
    given_up: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    listed: set[str] = field(default_factory=set[str])
    of_anybody: list[int] = field(default_factory=list[int])


def identify(rows: Sequence[RowKeys], children: Children, new_id: Callable[[], str]) -> Identities:
    """Reads the rows in order; a later row that names a local id, UPN or child again is rejected.

    Whom a row names is listed, rejected rows included: none of these has left.
    """
    found = Identities()
    seen: dict[tuple[str, str], int] = {}
    exchanges = _exchanges(rows, children)
    for place, row in enumerate(rows):
        local = children.known_as(row.local_id)
        holder = local if place in exchanges else _holder(row, local, children)
        named = {child for child in (local, holder) if child is not None}
        found.listed.update(named)
        if not named and not _is_readable(row):
            found.of_anybody.append(place)
        if row.problem is not None or row.local_id is None:
            found.rows.append(Identity(None, problem=row.problem))
            continue
        who = _who(row, place, local, holder, children, seen)
        if isinstance(who, Problem):
            found.rows.append(Identity(None, problem=who))
            continue
        is_new = who is None
        child = new_id() if who is None else who
        found.rows.append(Identity(child, is_new, is_merged=local is not None and local != child))
        found.listed.add(child)
        seen["pupil", child] = place
        _learn(row, local, child, children, found)
    _mark_taken(children, found)
    return found


def same_child(one: Named | None, other: Named | None) -> bool:
    """Whether names and dates of birth are those of one child, as far as they are known."""
    if one is None or other is None:
        return False
    names = {(it.given_name.strip().casefold(), it.family_name.strip().casefold()) for it in (one, other)}
    return len(names) == 1 and len({one.date_of_birth, other.date_of_birth} - {None}) < 2


def _is_readable(row: RowKeys) -> bool:
    return row.readable and (row.upn is None or upns.is_upn(row.upn))


def _exchanges(rows: Sequence[RowKeys], children: Children) -> set[int]:
    """The places of rows that give a known child a UPN which another child of the same roll gives up: for a free one,
    or for one that a third gives up. Each of these rows must name its child as it is known.
    """
    upn_times = Counter(row.upn for row in rows)
    child_times = Counter(children.known_as(row.local_id) for row in rows)
    moves: dict[str, tuple[int, str]] = {}
    for place, row in enumerate(rows):
        child = children.known_as(row.local_id)
        if child is None or row.upn is None or row.problem is not None or row.upn == children.upn_of.get(child):
            continue
        unique = child_times[child] == 1 and upn_times[row.upn] == 1
        if unique and upns.is_upn(row.upn) and same_child(row.named, children.named.get(child)):
            moves[child] = (place, row.upn)
    taking = {child for child, (_, upn) in moves.items() if upn in children.by_upn}
    while True:
        left = {
            child
            for child in taking
            if (giver := children.by_upn[moves[child][1]]) in taking
            or (giver in moves and moves[giver][1] not in children.by_upn)
        }
        if left == taking:
            return {moves[child][0] for child in taking}
        taking = left


def _holder(row: RowKeys, local: str | None, children: Children) -> str | None:
    """The child whom a row's UPN means: who has it, or who had it last, if names and date of birth agree."""
    if row.upn is None:
        return None
    holder = children.by_upn.get(row.upn)
    former = children.by_former.get(row.upn)
    if holder is not None or former is None:
        return holder
    former = children.survivors.get(former, former)
    if former == local:
        return former
    if local is not None and children.has_permanent(local):
        return None
    known = children.named.get(former)
    return former if same_child(row.named, known) else None


def _who(
    row: RowKeys,
    place: int,
    local: str | None,
    holder: str | None,
    children: Children,
    seen: dict[tuple[str, str], int],
) -> str | Problem | None:
    """The child's id, None for a new child, or why the row is rejected."""
    pointer = f"/pupils/{place}"
    if row.upn is not None and not upns.is_upn(row.upn):
        return Problem("bad-upn", "Not a UPN: the shape or the check letter is wrong.", f"{pointer}/upn")
    for name, key in (("local_id", row.local_id), ("upn", row.upn)):
        if key is not None:
            first = seen.setdefault((name, key), place)
            if first != place:
                return Problem(f"duplicate-{name.replace('_', '-')}", f"As in /pupils/{first}.", f"{pointer}/{name}")
    who = holder or local
    if who is not None and (first := seen.get(("pupil", who))) is not None:
        return Problem("duplicate-pupil", f"The same pupil as /pupils/{first}.", pointer)
    if local is not None and holder is not None and local != holder:
        if children.has_permanent(local):
            detail = (
                "Another child has this UPN, and the child with this local id has a permanent one of its own. Two"
                " children's UPNs are exchanged by one roll that has both rows, each with the names and the date of"
                " birth of its child; two ids of one child are made one by a merge."
            )
            return Problem("upn-of-another-child", detail, f"{pointer}/upn")
        if (first := seen.get(("pupil", local))) is not None:
            return Problem("duplicate-pupil", f"The same pupil as /pupils/{first}.", pointer)
    return who


def _learn(row: RowKeys, local: str | None, child: str, children: Children, found: Identities) -> None:
    """What the row tells: a merge, a UPN, a local id."""
    if local is not None and local != child:
        found.merges.append((local, child))
        _give_up(local, children, found)
        children.survivors[local] = child
    if row.local_id is not None:
        children.by_local[row.local_id] = child
    if row.upn is not None and children.by_upn.get(row.upn) != child and _is_given(row.upn, local, child, children):
        _give_up(child, children, found)
        children.by_upn[row.upn] = child
        children.upn_of[child] = row.upn
        found.upns[child] = row.upn
        found.given_up.pop((child, row.upn), None)


def _is_given(upn: str, local: str | None, child: str, children: Children) -> bool:
    """Whether a row gives a child its UPN anew. An earlier one of its own says who the child is, no more: unless the
    child has none, or the school that has the child goes back to a permanent one.
    """
    former = children.by_former.get(upn)
    if former is None or children.survivors.get(former, former) != child or children.upn_of.get(child) is None:
        return True
    return local == child and not upns.is_temporary(upn)


def _give_up(child: str, children: Children, found: Identities) -> None:
    """A child has its UPN no longer."""
    freed = children.upn_of.pop(child, None)
    if freed is not None:
        found.given_up[child, freed] = False
        if children.by_upn.get(freed) == child:
            del children.by_upn[freed]


def _mark_taken(children: Children, found: Identities) -> None:
    """Notes which of the UPNs that were given belonged to another child before."""
    owners = {upn: child for child, upn in found.upns.items()}
    for child, upn in found.given_up:
        if owners.get(upn, child) != child:
            found.given_up[child, upn] = True
    for upn, child in owners.items():
        former = children.formerly.get(upn, child)
        if former != child:
            found.given_up[former, upn] = True
