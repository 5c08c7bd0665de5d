"""Whom the keys of many registers mean, and what was sent for them before: for a batch, which names a school's pupils
again and again.

`registers.known` asks key by key and knows in one round trip; here a school's keys are looked up together, each once
for a piece, and then each session's slots by the ids of its children. Both say the same (`test_batch_reading`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from common.arrays import array
from common.db import Transaction

from registers.domain.register import KINDS, KeyKind, Known, Register
from registers.domain.standing import Entry
from registers.store import upns
from registers.store.marks import entry_of
from registers.store.registers import OF_REGISTER, OF_REGISTERS, UUID, complete, tell
from registers.store.upns import FORMER

NAMED = """
with asked as materialized (
    select * from unnest($1::int[], $2::bool[], $3::text[], $4::text[], $5::text[])
        with ordinality as a(urn, is_new, local_ids, upn_keys, pupil_ids, n)
),
found as materialized (
    select a.n, 0 as kind, s.local_id as key, s.pupil_id
    from asked as a cross join lateral (
        select * from school_pupil as s where s.urn = a.urn and s.local_id = any(a.local_ids::text[]) offset 0
    ) as s
    union all
    select a.n, 1, p.upn_key, p.pupil_id
    from asked as a cross join lateral (
        select * from pupil as p where p.upn_key = any(a.upn_keys::text[]) offset 0
    ) as p
    union all
    select a.n, 2, p.pupil_id::text, coalesce(p.survivor, p.pupil_id)
    from asked as a cross join lateral (
        select * from pupil as p where p.pupil_id = any(a.pupil_ids::uuid[]) offset 0
    ) as p
)
select n, kind, array_agg(key) as keys, string_agg(pupil_id::text, ' ') as children,
    null::date as first, null::date as last
from found group by n, kind
union all
select a.n, 3, null, string_agg(e.pupil_id::text, ' '), e.from_date, e.to_date
from asked as a cross join lateral (
    select * from enrolment as e where a.is_new and e.urn = a.urn offset 0
) as e
group by a.n, e.from_date, e.to_date
"""
"""A row per school and kind of keys that are found; one per school and span of stays there (kind 3). Ids come as one
text: the driver takes longer for a row than for a child.
"""
STAYS = 3
FORMERLY = f"""
select a.n, coalesce(p.survivor, p.pupil_id)::text
from unnest($1::text[]) with ordinality as a(key, n)
join pupil as p on p.pupil_id = ({FORMER.format(key="a.key")})
"""  # noqa: S608 - put together from constants
CALLED = """
select a.n from unnest($1::int[], $2::uuid[]) with ordinality as a(urn, pupil_id, n)
where exists (select from school_pupil as s where s.pupil_id = a.pupil_id and s.urn = a.urn)
"""
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
        ) then r.ids::uuid[] || array(
            select dead.pupil_id from pupil as dead where dead.survivor = any(r.ids::uuid[])
        ) end
    ) offset 0
) as m
union all
{OF_REGISTERS}
"""  # noqa: S608 - put together from constants
"""A row per entry of the slots, and those of OF_REGISTERS. Nearly always nothing was sent for a session before, and
then nobody asks for the ids that died into its children: that costs more than whom the keys mean.
"""
SURVIVORS = "select pupil_id::text, survivor::text from pupil where pupil_id = any($1::text[]::uuid[])"


_Asked: TypeAlias = "tuple[set[str], set[str], set[str]]"
"""The keys that a school's registers give, by kind in the order of KINDS."""
_Found: TypeAlias = "tuple[int, int, str, str]"
"""URN, kind and key, and the child (living id) whom that means."""


@dataclass
class School:
    """Whom keys mean at one school: the children whom it knows by kind (in the order of KINDS) and key, and who is on
    its roll from when to when.
    """

    asked: _Asked = field(default_factory=lambda: (set(), set(), set()))
    children: tuple[dict[str, str], dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}, {}))
    stays: list[tuple[date, date | None, set[str]]] = field(default_factory=list[tuple[date, date | None, set[str]]])
    _enrolled: dict[date, set[str]] = field(default_factory=dict[date, set[str]])

    def has(self, child: str) -> bool:
        """Whether a child has or had a stay."""
        return any(child in children for _, _, children in self.stays)

    def enrolled(self, on: date) -> set[str]:
        """The children whose stays have this day."""
        if (found := self._enrolled.get(on)) is None:
            among = [children for first, last, children in self.stays if first <= on and (last is None or on <= last)]
            found = self._enrolled[on] = among[0] if len(among) == 1 else set[str]().union(*among)
        return found


@dataclass
class Names:
    """Whom keys mean, by school, as far as they were asked for; `of_upns`: what stands for a UPN in the tables, and
    among the keys of a school.
    """

    schools: dict[int, School] = field(default_factory=dict[int, School])
    of_upns: dict[str, str] = field(default_factory=dict[str, str])


async def _learn(tx: Transaction, registers: Sequence[Register], names: Names) -> None:
    """Learns whom the keys of some registers mean that were not asked for yet."""
    new = {register.urn for register in registers} - names.schools.keys()
    names.schools.update({urn: School() for urn in new})
    sent = {mark.upn for register in registers for mark in register.marks if mark.upn is not None}
    names.of_upns |= upns.keys(tx, sent - names.of_upns.keys())
    asked = {urn: keys for urn, keys in _not_asked(registers, names).items() if urn in new or any(keys)}
    if not asked:
        return
    urns, found = list(asked), list[_Found]()
    keys = ([_texts(of[kind]) for of in asked.values()] for kind in range(len(KINDS)))
    for n, kind, said, written, first, last in await tx.fetch(NAMED, urns, [urn in new for urn in urns], *keys):
        school, ids = names.schools[urns[n - 1]], written.split(" ")
        if kind == STAYS:
            school.stays.append((first, last, set(ids)))
        elif kind == 0:
            school.children[0].update(zip(said, ids, strict=True))
        else:
            found += [(urns[n - 1], kind, key, child) for key, child in zip(said, ids, strict=True)]
    await _add_known(tx, names, found + await _former(tx, asked, found))


def _not_asked(registers: Sequence[Register], names: Names) -> "dict[int, _Asked]":
    """The keys that are still to be asked for, by school; they are noted as asked for."""
    asked: dict[int, _Asked] = {}
    for register in registers:
        local_ids, upn_keys, pupil_ids = asked.setdefault(register.urn, (set(), set(), set()))
        for mark in register.marks:
            if mark.local_id is not None:
                local_ids.add(mark.local_id)
            if mark.upn is not None:
                upn_keys.add(names.of_upns[mark.upn])
            if mark.pupil_id is not None and UUID.fullmatch(mark.pupil_id):
                pupil_ids.add(mark.pupil_id.lower())
    for urn, keys in asked.items():
        for given, before in zip(keys, names.schools[urn].asked, strict=True):
            given -= before
            before |= given
    return asked


async def _former(tx: Transaction, asked: "Mapping[int, _Asked]", found: "Sequence[_Found]") -> "list[_Found]":
    """Whom UPNs mean that nobody has now."""
    present = {key for _, kind, key, _ in found if kind == 1}
    missing = [(urn, key) for urn, (_, keys, _) in asked.items() for key in keys if key not in present]
    if not missing:
        return []
    rows = await tx.fetch(FORMERLY, [key for _, key in missing])
    return [(missing[n - 1][0], 1, missing[n - 1][1], child) for n, child in rows]


async def _add_known(tx: Transaction, names: Names, found: "Sequence[_Found]") -> None:
    """Adds those keys of which the school knows the child: by a stay there, or by a name of its own."""
    unsure: list[_Found] = []
    for one in found:
        urn, kind, key, child = one
        if names.schools[urn].has(child):
            names.schools[urn].children[kind][key] = child
        else:
            unsure.append(one)
    if unsure:
        for (n,) in await tx.fetch(CALLED, [urn for urn, *_ in unsure], [child for *_, child in unsure]):
            urn, kind, key, child = unsure[n - 1]
            names.schools[urn].children[kind][key] = child


async def known(tx: Transaction, registers: Sequence[Register], names: Names) -> list[Known]:
    """What is kept that matters to each of some registers of different sessions, as `registers.known` says it; their
    schools are locked. `names`: what was learnt of these schools since they are.
    """
    await _learn(tx, registers, names)
    result: list[Known] = []
    ids: list[str] = []
    for register in registers:
        school = names.schools[register.urn]
        one = Known(found=_found(register, school, names.of_upns), enrolled=school.enrolled(register.on))
        ids.append(array(set(one.found.values())))
        result.append(one)
    rows = await tx.fetch(
        SLOTS,
        [register.urn for register in registers],
        [register.on for register in registers],
        [register.session for register in registers],
        ids,
    )
    staggered: dict[int, frozenset[int]] = {}
    entries: list[tuple[Known, Entry]] = []
    for row in rows:
        one = result[row["n"] - 1]
        if row["kind"] == OF_REGISTER:
            tell(one, row["n"] - 1, row, staggered)
        else:
            entries.append((one, entry_of(tx, row)))
    await _add_slots(tx, entries)
    await complete(tx, registers, result, staggered)
    return result


async def _add_slots(tx: Transaction, entries: Sequence[tuple[Known, Entry]]) -> None:
    """Adds entries to the slots of the children who live."""
    ids = list({entry.pupil_id for _, entry in entries})
    rows = await tx.fetch(SURVIVORS, ids) if ids else []
    survivors = {row["pupil_id"]: row["survivor"] for row in rows}
    for one, entry in entries:
        one.slots.setdefault(survivors.get(entry.pupil_id) or entry.pupil_id, []).append(entry)


def _found(register: Register, school: School, of_upns: Mapping[str, str]) -> dict[tuple[int, KeyKind], str]:
    """The children whom the keys of a register mean, by place and kind."""
    by_local_id, by_upn, by_id = school.children
    found: dict[tuple[int, KeyKind], str] = {}
    for place, mark in enumerate(register.marks):
        if mark.local_id is not None and (child := by_local_id.get(mark.local_id)):
            found[place, "local_id"] = child
        if mark.upn is not None and (child := by_upn.get(of_upns[mark.upn])):
            found[place, "upn"] = child
        if mark.pupil_id is not None and (child := by_id.get(mark.pupil_id.lower())):
            found[place, "pupil_id"] = child
    return found


def _texts(values: Iterable[str]) -> str:
    """The array literal of any texts."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return f"{{{','.join(quoted)}}}"
