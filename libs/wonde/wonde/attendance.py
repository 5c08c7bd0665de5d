"""The attendance of one school: codes, registers, and marks that are taken back."""

from datetime import UTC, datetime, time, timedelta

from common.codes import code_table
from common.public_api import RefusedError

from wonde.domain.codes import CodeList, read_code
from wonde.domain.registers import Deletion, Record, Register, Slot, news, read_deletion, read_record
from wonde.visit import DELETIONS, Visit

RESOURCE = "attendance/session"
BATCH = 50_000
"""Records that are put together into registers at a time: a school's fortnight and more, in 50 MB."""
PLANNED = timedelta(days=92)
"""How long before its day a mark may have been written: a planned absence."""
_INVALID = 422
_UNKNOWN = 404


async def read_codes(visit: Visit) -> CodeList:
    """The school's codes. When they, or how they are translated, have changed, attendance is read again as a whole:
    what differs then is sent as a correction.
    """
    visit.state.forget(visit.school, "attendance-codes")  # a list is of use only whole
    listed = [code async for codes in visit.read_if_shared("attendance-codes", read_code) for code in codes]
    codes = CodeList(listed, code_table(), visit.link.codes)
    before = visit.state.prints(visit.school, "codes").get("codes")
    if before != codes.print():
        visit.state.forget(visit.school, RESOURCE)
        visit.state.keep_prints(visit.school, "codes", {"codes": codes.print()})
    return codes


async def note_deletions(visit: Visit) -> bool:
    """Notes what is to be taken back; whether the roll must be read whole."""
    whole = False
    async for deletions in visit.read_if_shared(DELETIONS, read_deletion, since=_start(visit)):
        visit.report.counts["deletions_read"] += len(deletions)
        visit.state.forget_unread(visit.school, [one.item_id for one in deletions])
        _note_marks(visit, [one for one in deletions if one.kind == "attendance"])
        students = [one for one in deletions if one.kind == "student"]
        gone = {one.item_id: one.last_day for one in students if not one.restored}
        visit.state.leave(visit.school, gone)
        if any(one.restored for one in students) or any(one.kind == "contact" for one in deletions):
            visit.state.forget(visit.school, "students")  # also for the next run, should this one not come so far
            whole = True
    return whole


def _note_marks(visit: Visit, deletions: list[Deletion]) -> None:
    visit.state.doom(visit.school, deletions)
    restored = [one.item_id for one in deletions if one.restored]
    if visit.state.any_taken_back(visit.school, restored):
        visit.state.forget(visit.school, RESOURCE)


async def send_registers(visit: Visit, codes: CodeList) -> None:
    """Sends the registers that differ from what was acknowledged."""
    query = {"include": "student,attendance_code"}
    since = _start(visit) - PLANNED
    async for read in visit.read(RESOURCE, lambda row: read_record(row, codes), query, since, batch=BATCH):
        records = [record for record in read if record.slot.on >= visit.since]
        visit.report.counts["marks_read"] += len(records)
        known = visit.state.slots(visit.school, {record.slot for record in records})
        found = news(records, known)
        visit.state.rename(visit.school, found.same)
        visit.state.intend(visit.school, found.registers)
        visit.state.shadow(visit.school, found.shadowed)
        for register in found.registers:
            visit.report.count_codes(register, codes)
            await _put(visit, register)


async def take_back(visit: Visit) -> None:
    """Deletes the marks whose record was deleted. One of a pupil whom Rollcall does not know waits as long as the mark
    does; where there was a second record for the slot, attendance is read again, so that this one gets its place.
    """
    for slot, version, shadowed in visit.state.doomed(visit.school):
        if (pupil_id := await _pupil_id(visit, slot)) is None:
            visit.report.counts["deletions_waiting"] += 1
            continue
        path = f"/v1/schools/{visit.link.urn}/registers/{slot.on.isoformat()}/{slot.session}/marks/{pupil_id}"
        try:
            await visit.api.delete(path, source_version=version + 1)
        except RefusedError as error:
            if error.status != _UNKNOWN:  # it is on record already: an answer was lost
                raise
        visit.state.taken_back(visit.school, slot, version + 1)
        visit.report.counts["marks_deleted"] += 1
        if shadowed:
            visit.state.forget(visit.school, RESOURCE)


def _start(visit: Visit) -> datetime:
    return datetime.combine(visit.since, time(), UTC)


async def _put(visit: Visit, register: Register) -> None:
    """Sends a register; one that is refused as a whole is sent in halves, so that what is wrong with one mark costs no
    other.
    """
    path = f"/v1/schools/{visit.link.urn}/registers/{register.on.isoformat()}/{register.session}"
    try:
        answer = await visit.api.put(path, register.body())
    except RefusedError as error:
        if error.status != _INVALID:
            raise
        await _put_parts(visit, register, error.kind)
        return
    visit.state.keep(visit.school, register)
    visit.report.counts["registers_sent"] += 1
    for status, count in answer["counts"].items():
        visit.report.counts[f"marks_{status}"] += count


async def _put_parts(visit: Visit, register: Register, problem: str) -> None:
    records: list[Record] = register.records
    if len(records) == 1:
        visit.report.reject("mark", records[0].record_id, problem)
        visit.note_refused(RESOURCE, records[0].record_id, problem)
        return
    half = len(records) // 2
    for part in (records[:half], records[half:]):
        await _put(visit, register._replace(records=part))


async def _pupil_id(visit: Visit, slot: Slot) -> str | None:
    try:
        found = await visit.api.post("/v1/pupils/lookup", {"school_urn": visit.link.urn, "local_id": slot.student})
    except RefusedError as error:
        if error.status != _UNKNOWN:
            raise
        return None
    return str(found["pupil_id"])
