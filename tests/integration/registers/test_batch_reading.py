"""What a batch reads of its registers' pupils and slots is what the same registers read when they come alone."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import cycle

import msgspec
from common.academic import Session
from registers.domain.register import Known, Register, SentMark
from registers.store import naming, schools
from registers.store import registers as store

from tests.e2e.school import upn
from tests.integration.registers.conftest import OTHER, URN, Authority, pupil

UPNS = [upn(n) for n in range(3)]


async def test_a_batch_knows_what_its_registers_know_alone(authority: Authority) -> None:
    """Every kind of key: present, former and unknown ones, of the school's pupils, of others, and of ids that died."""
    await authority.school()
    await authority.school(OTHER)
    await authority.roll(*(pupil(str(n)) for n in range(1, 6)), pupil('o"d\\d', upn=UPNS[0]))
    left = pupil("gone", upn=UPNS[1]) | {"enrolment": {"from": "2025-09-01", "to": "2025-09-10", "kind": "single"}}
    await authority.roll(left, pupil("7"))
    await authority.roll(pupil("1", upn=UPNS[2]), urn=OTHER)
    for code, day in zip(cycle("/OI"), ("2025-09-08/AM", "2025-09-08/PM", "2025-09-15/AM", "2025-09-15/AM")):
        await authority.register([{"local_id": n, "code": code} for n in ("1", "2", "7", "nobody")], day)
    await authority.roll(pupil("7", upn=UPNS[2]))  # the school's own child turns out to be the other school's
    ids = await _ids(authority)
    keys = [
        {"local_id": "1"}, {"local_id": "7"}, {"local_id": "gone"}, {"local_id": "nobody"}, {"local_id": 'o"d\\d'},
        *({"upn": upn} for upn in UPNS), {"upn": "X000000000000"}, {"pupil_id": "no id"},
        *({"pupil_id": one} for one in ids), {"pupil_id": ids[0].upper()}, {"local_id": "2", "upn": UPNS[2]},
    ]  # fmt: skip
    marks = [msgspec.convert({"code": "/"} | key, SentMark) for key in keys]
    registers = [
        Register(urn, date(2025, 9, day), session, None, None, None, datetime.now(UTC), "test", marks)
        for urn in (URN, OTHER)
        for day in (8, 13, 15)
        for session in (Session.AM, Session.PM)
    ]
    async with authority.database.transaction() as tx:
        await schools.lock(tx, {URN, OTHER})
        alone = await store.known(tx, registers)
        names = naming.Names()
        nobody = registers[0]._replace(marks=[SentMark("/", pupil_id="no id")])
        await naming.known(tx, [nobody], names)
        together = await naming.known(tx, registers[:1], names)
        together += await naming.known(tx, registers[1:], names)
    assert [_told(one) for one in together] == [_told(one) for one in alone]
    assert sum(len(one.slots) for one in alone) > 4
    assert any(entry.pupil_id != child for one in alone for child, slot in one.slots.items() for entry in slot)


async def _ids(authority: Authority) -> list[str]:
    """All ids of children, the dead one's too."""
    async with authority.database.transaction() as tx:
        rows = await tx.fetch("select pupil_id::text, survivor from pupil order by pupil_id")
    assert any(row["survivor"] for row in rows)
    return [row["pupil_id"] for row in rows]


def _told(known: Known) -> Known:
    """What matters to the register itself, whatever number it has."""
    children = set(known.found.values())
    return replace(known, received=0, enrolled=known.enrolled & children)
