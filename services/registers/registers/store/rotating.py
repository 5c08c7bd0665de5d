"""What registers keeps sealed, for a rotation of the keys; and what older versions kept in the clear in big tables,
which it seals: comments of marks, and who took registers.
"""

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from common.db import Database, Transaction, keyring
from common.idempotency import answer_place
from common.rotating import CHUNK, LARGE, Place, Sealed, in_chunks, rotate

from registers.store.details import as_kept, details_of, is_sealed_by, taker

PUPIL, UPN = {"pupil_id": "uuid"}, {"upn_key": "text"}
PLAN = {"urn": "int", "pupil_id": "uuid", "from_date": "date"}
SEALED = (
    Sealed("known_upn", "sealed", UPN, "known_upn/{upn_key}"),
    Sealed("pupil", "names", PUPIL, "pupil/{pupil_id}"),
    Sealed("contact", "told", {"contact_id": "uuid"}, "contact/{contact_id}"),
    Sealed("social_worker", "told", {**PUPIL, "place": "smallint"}, "social_worker/{pupil_id}/{place}"),
    Sealed("part_time_timetable", "agreed_by", PLAN, "part_time_timetable/{urn}/{pupil_id}/{from_date}"),
    Sealed("enrolment", "went_to", PLAN, "enrolment/{urn}/{pupil_id}/{from_date}"),
    Sealed("identity_change", "said", {"change_id": "uuid"}, "identity_change/{change_id}"),
    Sealed("submission", "taker", {"received": "bigint"}, "submission/{received}"),
    Sealed("absence_notice", "said", {"notice_id": "uuid", "version": "int"}, "absence_notice/{notice_id}/{version}"),
    Sealed(
        "batch_part", "sealed", {"job_id": "uuid", "first_byte": "bigint"}, "batch_part/{job_id}/{first_byte}", LARGE
    ),
    Sealed("batch_result", "sealed", {"job_id": "uuid", "piece": "int"}, "batch_result/{job_id}/{piece}", LARGE),
    Sealed(
        "batch_result",
        "sealed_errors",
        {"job_id": "uuid", "piece": "int"},
        "batch_result/{job_id}/{piece}/errors",
        LARGE,
    ),
    Sealed(
        "answered", "sealed", {"subject": "text", "key": "text"}, lambda row: answer_place(row["subject"], row["key"])
    ),
)

MARKS = """
select received, place, urn, date, session, pupil_id, details from mark
where details ?| array['said', 'comment', 'reason', 'amended_by']
    and (urn, date, session, pupil_id, received, place)
        > ($2::int, $3::date, $4::smallint, $5::uuid, $6::bigint, $7::smallint)
order by urn, date, session, pupil_id, received, place limit $1
"""
SEAL_MARKS = """
update mark as t set details = s.new
from unnest($1::int[], $2::date[], $3::smallint[], $4::uuid[], $5::bigint[], $6::smallint[], $7::jsonb[], $8::jsonb[])
    as s(urn, date, session, pupil_id, received, place, new, old)
where t.urn = s.urn and t.date = s.date and t.session = s.session and t.pupil_id = s.pupil_id
    and t.received = s.received and t.place = s.place and t.details = s.old
"""
MARK = ("urn", "date", "session", "pupil_id", "received", "place")
WAITING = """
select received, place, details from unresolved
where details ?| array['said', 'comment', 'reason', 'amended_by'] and (received, place) > ($2::bigint, $3::smallint)
order by received, place limit $1
"""
SEAL_WAITING = """
update unresolved as t set details = s.new
from unnest($1::bigint[], $2::smallint[], $3::jsonb[], $4::jsonb[]) as s(received, place, new, old)
where t.received = s.received and t.place = s.place and t.details = s.old
"""
TAKERS = "select received, taken_by from submission where taken_by is not null and received > $2 order by 1 limit $1"
SEAL_TAKERS = """
update submission as t set taker = s.taker, taken_by = null
from unnest($1::bigint[], $2::bytea[]) as s(received, taker) where t.received = s.received
"""
WAITS = ("received", "place")
FIRST: dict[tuple[str, ...], Place] = {MARK: [0, date.min, -1, UUID(int=0), 0, -1], WAITS: [0, -1]}


async def rotate_all(database: Database) -> dict[str, int]:
    """Seals everything under the current key; how many values it changed, by table and column."""
    found = await rotate(database, SEALED)
    found["submission.taken_by"] = await in_chunks(database, _takers)
    # what waits first: once it finds its child it is among the marks
    found["unresolved.details"] = await in_chunks(database, partial(_details, WAITING, SEAL_WAITING, WAITS))
    found["mark.details"] = await in_chunks(database, partial(_details, MARKS, SEAL_MARKS, MARK))
    return found


async def _takers(tx: Transaction, last: Place | None) -> tuple[Place, int] | None:
    rows = await tx.fetch(TAKERS, CHUNK, 0 if last is None else last[0])
    if not rows:
        return None
    sealed = [taker(keyring(tx), received, who) for received, who in rows]
    await tx.execute(SEAL_TAKERS, [row["received"] for row in rows], sealed)
    return [rows[-1]["received"]], len(rows)


async def _details(
    read: str, write: str, key: tuple[str, ...], tx: Transaction, last: Place | None
) -> tuple[Place, int] | None:
    rows = await tx.fetch(read, CHUNK, *(last or FIRST[key]))
    if not rows:
        return None
    ring = keyring(tx)
    old = [row for row in rows if not is_sealed_by(ring, row["details"])]
    new: list[Any] = []
    for row in old:
        details = details_of(tx, row["details"], row["received"], row["place"])
        new.append(as_kept(ring, details, row["received"], row["place"]))
    done = await tx.execute(write, *([row[name] for row in old] for name in key), new, [row["details"] for row in old])
    return [rows[-1][name] for name in key], int(done.rpartition(" ")[2])
