"""Merges and splits of children (rule book 9): what goes where, and the record that is kept of each.

Two ids that turn out to be one child are merged: one lives on, the other is dead. A merge that was wrong is undone by a
split that restores the dead id, with what came with it (`divide`); a child in whom a school's roll mixed two is split
by school and time (`cut`), and the other one is new.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from registers.domain import enrolments, upn
from registers.domain.enrolments import Stay

Kind = Literal["merge", "split"]
LOCAL_ID = 64
"""How long a local id may be."""


class Facts(NamedTuple):
    """What is said of a child whatever the day: sex, date of birth, year group and the academic year in which it was
    said (its first calendar year).
    """

    sex: str | None = None
    date_of_birth: date | None = None
    year_group: int | None = None
    year_group_in: int | None = None

    def also_in(self, others: "Facts") -> "Facts":
        """Those that others have as well."""
        return Facts(**{name: said for name, said in self._asdict().items() if said == getattr(others, name)})


NOTHING = Facts()


class Went(msgspec.Struct, frozen=True):
    """What a merge moved. By school: the local ids that died with the id, its stays, and those that the survivor had
    (`beside`), as the survivor's local ids (None: not kept of early merges). `upn` and `survivors_upn` are those of the
    two before. `received`: the last submission before it; `notices`: the last row of an absence notice. `facts`: what
    the survivor has since then of the dead id, for nobody had said it of the survivor.
    """

    upn: str | None = None
    survivors_upn: str | None = None
    local_ids: Mapping[int, list[str]] = {}
    stays: Mapping[int, list[Stay]] = {}
    beside: Mapping[int, list[Stay]] = {}
    contacts: Sequence[str] = ()
    received: int = 0
    notices: int = 0
    survivors_local_ids: Mapping[int, list[str]] | None = None
    facts: Facts = NOTHING


class Takeover(NamedTuple):
    """That a school goes on as its successor, from a day on."""

    first: date
    urn: int
    successor: int


class Part(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """What a split takes: a school, and from when to when (both inclusive, None: always)."""

    school_urn: int
    first: date | None = None
    last: date | None = None


class IdentityChange(NamedTuple):
    """One merge or split. `pupil_id` lived on; `other` died (merge), lives again (a split that `restored` it), or is
    new. `number` rises with each; `identity_version` is that of `other`.
    """

    number: int
    change_id: str
    kind: Kind
    pupil_id: str
    other: str
    restored: bool
    identity_version: int
    urn: int
    reason: str | None
    changed_by: str | None
    changed_at: datetime


def better_upn(survivors: str | None, others: str | None) -> str | None:
    """The UPN of two ids that are one child: the survivor's own, unless only the other's is permanent, or there."""
    if others is None or (survivors is not None and (upn.is_temporary(others) or not upn.is_temporary(survivors))):
        return survivors
    return others


def followed(went: Went, takeovers: Iterable[Takeover]) -> Went:
    """What went with an id, at the schools as well that have taken over since from those that knew it."""
    local_ids, stays, beside = dict(went.local_ids), dict(went.stays), dict(went.beside)
    survivors = dict(went.survivors_local_ids or {})
    for first, urn, successor in sorted(takeovers):
        if urn not in local_ids or successor in went.local_ids:
            continue
        survivors_own = survivors.get(successor, [])
        moved = [local_id for local_id in local_ids[urn] if local_id not in survivors_own]
        local_ids[successor] = [*local_ids.get(successor, []), *moved]
        survivors[successor] = [*survivors_own, *survivors.get(urn, [])]
        for of in (stays, beside):
            known = of.get(successor, [])
            going = enrolments.carry_on(of.get(urn, []), first)
            of[successor] = sorted([*known, *(stay for stay in going if not enrolments.meets(stay, known))])
    kept = None if went.survivors_local_ids is None else survivors
    return msgspec.structs.replace(went, local_ids=local_ids, stays=stays, beside=beside, survivors_local_ids=kept)


def of_others(
    merge: IdentityChange, since: Sequence[tuple[IdentityChange, Went]]
) -> list[tuple[Mapping[int, list[str]], Mapping[int, list[Stay]]]]:
    """What is not of an id that died by `merge` among what it is part of now: local ids and stays, by school, that
    merges `since` then brought, or found where the survivor died itself.
    """
    into = {change.other: change.pupil_id for change, _ in since}
    line: set[str] = set()
    link = merge.pupil_id
    while link in into and link not in line:
        line.add(link)
        link = into[link]
    return [
        (its.survivors_local_ids or {}, its.beside) if change.other in line else (its.local_ids, its.stays)
        for change, its in since
    ]


def going_back(went: Went, urn: int, named: Sequence[str], others: Iterable[str]) -> tuple[list[str], bool]:
    """The local ids, of those by which a school calls a child now (`named`), that go back to a restored id; and whether
    all that the school has said since the merge goes with them: nobody else of the child was known there, by a local id
    of the survivor's then or of somebody who has become one with it since (`others`).
    """
    back = [local_id for local_id in went.local_ids.get(urn, []) if local_id in named]
    if went.survivors_local_ids is None:
        return back, set(named) <= set(back)
    if not back or went.survivors_local_ids.get(urn) or any(local_id in named for local_id in others):
        return back, False
    return list(named), True


def divide(now: Sequence[Stay], mine: Sequence[Stay], others: Sequence[Stay]) -> tuple[list[Stay], list[Stay]]:
    """The stays of two children at a school that were one for a while: what each had before, and what came since.

    A stay that has changed since is that of whoever had it; a new one is the survivor's (`mine`).
    """
    united = enrolments.unite(mine, others)
    if list(now) == united:
        return list(mine), list(others)
    fresh = [stay for stay in now if stay not in united]
    after = [[stay for stay in own if enrolments.meets(stay, now)] for own in (mine, others)]
    for stay in fresh:
        owners = [n for n, own in enumerate((mine, others)) if enrolments.meets(stay, own)] or [0]
        for n in owners:
            after[n] = enrolments.replace(after[n], stay)
    return after[0], after[1]


def cut(stays: Iterable[Stay], first: date | None, last: date | None) -> tuple[list[Stay], list[Stay]]:
    """Stays outside and inside a span of days."""
    outside: list[Stay] = []
    inside: list[Stay] = []
    for stay in stays:
        start, end = stay.start, stay.end or date.max
        begins, ends = max(start, first or date.min), min(end, last or date.max)
        if begins > ends:
            outside.append(stay)
            continue
        inside.append(stay._replace(start=begins, end=None if ends == date.max else ends))
        if start < begins:
            outside.append(stay._replace(end=begins - timedelta(days=1)))
        if ends < end:
            outside.append(stay._replace(start=ends + timedelta(days=1)))
    return outside, inside


def made_up(local_id: str, pupil_id: str) -> str:
    """The local id of a child whose own one means another child by now."""
    return f"{local_id[: LOCAL_ID - 9]}/{pupil_id[:8]}"
