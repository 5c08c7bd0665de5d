"""Who a roll's rows are: by UPN and local id, against the children that are known (rule book 9; api-surface, roll).

A row names a child by its UPN, else by the school's local id. When the two point at different children, the one without
a UPN of its own (or with a temporary one) turns out to be the UPN's holder: the two are merged, and the holder
survives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from registers.domain import upn as upns
from registers.domain.problems import Problem


class RowKeys(NamedTuple):
    """What names the pupil of a row; a row that was refused before has its problem here."""

    local_id: str | None
    upn: str | None
    problem: Problem | None = None


@dataclass
class Children:
    """The children that matter: by the school's local ids, by UPN, and the UPN of each. Changes while rows are read:
    `survivors` has those that turned out to be another child.
    """

    by_local: dict[str, str] = field(default_factory=dict[str, str])
    by_upn: dict[str, str] = field(default_factory=dict[str, str])
    upn_of: dict[str, str | None] = field(default_factory=dict[str, str | None])
    survivors: dict[str, str] = field(default_factory=dict[str, str])

    def known_as(self, local_id: str | None) -> str | None:
        """The child that the school calls `local_id`."""
        child = self.by_local.get(local_id) if local_id is not None else None
        return self.survivors.get(child, child) if child is not None else None


class Identity(NamedTuple):
    """Who a row is, or why it is rejected; `is_merged`: the row says that the school's pupil is that child."""

    pupil_id: str | None
    is_new: bool = False
    is_merged: bool = False
    problem: Problem | None = None


@dataclass
class Identities:
    """Who every row is (in order), which ids turned out to be which others, and whose UPN is another now."""

    rows: list[Identity] = field(default_factory=list[Identity])
    merges: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    upns: dict[str, str] = field(default_factory=dict[str, str])
    listed: set[str] = field(default_factory=set[str])


def identify(rows: Sequence[RowKeys], children: Children, new_id: Callable[[], str]) -> Identities:
    """Reads the rows in order; a later row that names a local id, UPN or child again is rejected.

    `listed` has every known child that some row names, rejected rows included: none of these has left.
    """
    found = Identities()
    seen: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        local = children.known_as(row.local_id)
        holder = children.by_upn.get(row.upn) if row.upn is not None else None
        found.listed.update(child for child in (local, holder) if child is not None)
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
    return found


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
        own = children.upn_of.get(local)
        if own is not None and not upns.is_temporary(own):
            detail = "Another child has this UPN, and the child with this local id has a permanent one of its own."
            return Problem("upn-of-another-child", detail, f"{pointer}/upn")
        if (first := seen.get(("pupil", local))) is not None:
            return Problem("duplicate-pupil", f"The same pupil as /pupils/{first}.", pointer)
    return who


def _learn(row: RowKeys, local: str | None, child: str, children: Children, found: Identities) -> None:
    """What the row tells: a merge, a UPN, a local id."""
    if local is not None and local != child:
        found.merges.append((local, child))
        if (freed := children.upn_of.pop(local, None)) is not None:
            children.by_upn.pop(freed, None)
        children.survivors[local] = child
    if row.local_id is not None:
        children.by_local[row.local_id] = child
    if row.upn is not None and children.by_upn.get(row.upn) != child:
        if (freed := children.upn_of.get(child)) is not None:
            children.by_upn.pop(freed, None)
        children.by_upn[row.upn] = child
        children.upn_of[child] = row.upn
        found.upns[child] = row.upn
