"""Whom the keys of many registers mean, and what was sent for them before: for a batch, which names a school's pupils
again and again.

`registers.known` asks key by key and knows in one round trip; here a school's keys are looked up together, once for a
piece, and then each session's slots by the ids of its children. Both say the same (`test_batch_reading`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from common.arrays import array
from common.db import Transaction

from registers.domain.register import KINDS, KeyKind, Known, Register
from registers.store.marks import columns, entry_of
from registers.store.registers import OF_REGISTER, OF_REGISTERS, UUID, complete, tell
from registers.store.upns import FORMER

NAMED = """
with asked as materialized (
    select * from unnest($1::int[], $2::text[], $3::text[], $4::text[])
        with ordinality as a(urn, local_ids, upns, pupil_ids, n)
),
found as materialized (
    select a.n, a.urn, 0 as kind, s.local_id as key, s.pupil_id
    from asked as a cross join lateral (
        select * from school_pupil as s where s.urn = a.urn and s.local_id = any(a.local_ids::text[]) offset 0
    ) as s
    union all
    select a.n, a.urn, 1, p.upn, p.pupil_id
    from asked as a cross join lateral (
        select * from pupil as p where p.upn = any(a.upns::text[]) offset 0
    ) as p
    union all
    select a.n, a.urn, 2, p.pupil_id::text, coalesce(p.survivor, p.pupil_id)
    from asked as a cross join lateral (
        select * from pupil as p where p.pupil_id = any(a.pupil_ids::uuid[]) offset 0
    ) as p
)
select f.n, f.kind, f.key, f.pupil_id::text, e.from_date, e.to_date,
    f.kind = 0 or e.from_date is not null or exists (
        select from school_pupil as s where s.pupil_id = f.pupil_id and s.urn = f.urn
    )
from found as f left join lateral (
    select from_date, to_date from enrolment as e where e.urn = f.urn and e.pupil_id = f.pupil_id offset 0
) as e on true
union all
select null, null, dead.pupil_id::text, dead.survivor::text, null, null, null
from pupil as dead where dead.survivor is not null and dead.survivor = any(array(select pupil_id from found))
"""
"""A row per key that is found and stay of its child at the school, with whether the school knows the child; and a row
per id that died into one of the children.
"""
DEAD = """
select survivor::text, pupil_id::text from pupil where survivor is not null and survivor = any($1::uuid[])
"""
FORMERLY = f"""
select a.n, p.pupil_id::text, e.from_date, e.to_date, e.from_date is not null or exists (
        select from school_pupil as s where s.pupil_id = p.pupil_id and s.urn = a.urn
    )
from unnest($1::int[], $2::text[]) with ordinality as a(urn, key, n)
cross join lateral (
    select coalesce(p.survivor, p.pupil_id) as pupil_id from pupil as p
    where p.pupil_id = ({FORMER.format(key="a.key")}) offset 0
) as p left join lateral (
    select from_date, to_date from enrolment as e where e.urn = a.urn and e.pupil_id = p.pupil_id offset 0
) as e on true
"""  # noqa: S608 - put together from constants
SLOTS = f"""
with register as materialized (
    select * from unnest($1::int[], $2::date[], $3::smallint[], $4::text[]) with ordinality
        as r(urn, date, session, ids, r)
)
select 0 as kind, r.r as n, null as child, null::bool as flag, m.received, m.place, m.pupil_id::text as pupil_id,
    m.version, m.code, m.details, m.rank, m.standing, m.problem
from register as r cross join lateral (
    select * from mark as m
    where m.urn = r.urn and m.date = r.date and m.session = r.session and m.pupil_id = any(
        case when exists (
            select from mark as sent where sent.urn = r.urn and sent.date = r.date and sent.session = r.session
        ) then r.ids::uuid[] end
    ) offset 0
) as m
union all
{OF_REGISTERS}
"""  # noqa: S608 - put together from constants
"""A row per entry of the slots, and those of OF_REGISTERS; nearly always nothing was sent for a session before."""


_Asked: TypeAlias = "tuple[dict[str, None], dict[str, None], dict[str, None]]"
"""The keys that a school's registers give, by kind in the order of KINDS."""


@dataclass
class School:
    """Whom keys mean at one school: children by kind (in the order of KINDS) and key, and the stays of those whom it
    knows. `_enrolled`: who is on its roll on a day, as far as that was asked.
    """

    children: tuple[dict[str, str], dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}, {}))
    stays: dict[str, list[tuple[date, date | None]]] = field(default_factory=dict[str, list[tuple[date, date | None]]])
    _enrolled: dict[date, set[str]] = field(default_factory=dict[date, set[str]])

    def add(self, kind: int, key: str, child: str, first: date | None, last: date | None) -> None:
        """A key means a child whom the school knows; a stay of the child there, if any."""
        self.children[kind][key] = child
        stays = self.stays.setdefault(child, [])
        if first is not None:
            stays.append((first, last))

    def enrolled(self, on: date) -> set[str]:
        """The children whose stays have this day."""
        if (found := self._enrolled.get(on)) is None:
            found = self._enrolled[on] = {
                child
                for child, stays in self.stays.items()
                for first, last in stays
                if first <= on and (last is None or on <= last)
            }
        return found


@dataclass
class Names:
    """Whom the keys of some registers mean, by school; the ids that died into a child, and whom each of them means."""

    schools: Mapping[int, School]
    dead: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    living: dict[str, str] = field(default_factory=dict[str, str])


async def named(tx: Transaction, registers: Sequence[Register]) -> Names:
    """Whom the keys of some registers mean; their schools are locked."""
    asked: dict[int, _Asked] = {}
    for register in registers:
        local_ids, upns, pupil_ids = asked.setdefault(register.urn, ({}, {}, {}))
        for mark in register.marks:
            if mark.local_id is not None:
                local_ids[mark.local_id] = None
            if mark.upn is not None:
                upns[mark.upn] = None
            if mark.pupil_id is not None and UUID.fullmatch(mark.pupil_id):
                pupil_ids[mark.pupil_id.lower()] = None
    names = Names({urn: School() for urn in asked})
    schools = list(names.schools.values())
    keys = ([_texts(of[kind]) for of in asked.values()] for kind in range(len(KINDS)))
    for n, kind, key, child, first, last, is_known in await tx.fetch(NAMED, list(asked), *keys):
        if n is None:
            names.dead.setdefault(child, []).append(key)
            names.living[key] = child
        elif is_known:
            schools[n - 1].add(kind, key, child, first, last)
    await _add_former(tx, asked, names)
    return names


async def _add_former(tx: Transaction, asked: "Mapping[int, _Asked]", names: Names) -> None:
    """Adds whom UPNs mean that nobody has now, with the ids that died into them."""
    missing = [
        (urn, upn) for urn, (_, upns, _) in asked.items() for upn in upns if upn not in names.schools[urn].children[1]
    ]
    if not missing:
        return
    found: set[str] = set()
    for n, child, first, last, is_known in await tx.fetch(FORMERLY, *columns(missing, 2)):
        urn, upn = missing[n - 1]
        if is_known:
            names.schools[urn].add(1, upn, child, first, last)
            found.add(child)
    for child, dead in await tx.fetch(DEAD, list(found)) if found else ():
        if dead not in names.living:
            names.dead.setdefault(child, []).append(dead)
            names.living[dead] = child


async def known(tx: Transaction, registers: Sequence[Register], names: Names) -> list[Known]:
    """What is kept that matters to each of some registers of different sessions, as `registers.known` says it."""
    result: list[Known] = []
    ids: list[str] = []
    for register in registers:
        school = names.schools[register.urn]
        one = Known(found=_found(register, school), enrolled=school.enrolled(register.on))
        children = set(one.found.values())
        ids.append(array([*children, *(dead for child in children & names.dead.keys() for dead in names.dead[child])]))
        result.append(one)
    rows = await tx.fetch(
        SLOTS,
        [register.urn for register in registers],
        [register.on for register in registers],
        [register.session for register in registers],
        ids,
    )
    staggered: dict[int, frozenset[int]] = {}
    for row in rows:
        one = result[row["n"] - 1]
        if row["kind"] == OF_REGISTER:
            tell(one, row["n"] - 1, row, staggered)
        else:
            entry = entry_of(row)
            one.slots.setdefault(names.living.get(entry.pupil_id, entry.pupil_id), []).append(entry)
    await complete(tx, registers, result, staggered)
    return result


def _found(register: Register, school: School) -> dict[tuple[int, KeyKind], str]:
    """The children whom the keys of a register mean, by place and kind."""
    by_local_id, by_upn, by_id = school.children
    found: dict[tuple[int, KeyKind], str] = {}
    for place, mark in enumerate(register.marks):
        if mark.local_id is not None and (child := by_local_id.get(mark.local_id)):
            found[place, "local_id"] = child
        if mark.upn is not None and (child := by_upn.get(mark.upn)):
            found[place, "upn"] = child
        if mark.pupil_id is not None and (child := by_id.get(mark.pupil_id.lower())):
            found[place, "pupil_id"] = child
    return found


def _texts(values: Iterable[str]) -> str:
    """The array literal of any texts."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return f"{{{','.join(quoted)}}}"
