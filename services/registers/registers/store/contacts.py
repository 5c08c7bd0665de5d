"""Contacts: those that a school keeps of its pupils, and who shares a household with whom."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from common.db import Transaction, keyring

from registers.domain.contacts import Address, Barred, Contact, SentContact, household

COLUMNS = (
    "contact_id", "pupil_id", "local_id", "told", "parental_responsibility", "lives_with_pupil", "priority",
    "language", "do_not_contact", "care_of_child", "no_fixed_abode", "barred_from", "barred_to", "from_date",
    "to_date", "household",
)  # fmt: skip
"""All columns but the school's."""

OF_PUPILS = """
select contact_id::text, pupil_id::text, local_id, told, parental_responsibility, lives_with_pupil, priority, language,
    do_not_contact, care_of_child, no_fixed_abode, barred_from, barred_to, from_date, to_date
from contact where urn = $1 and pupil_id = any($2::uuid[])
"""
KEEP = """
insert into contact (urn, contact_id, pupil_id, local_id, told, parental_responsibility, lives_with_pupil, priority,
    language, do_not_contact, care_of_child, no_fixed_abode, barred_from, barred_to, from_date, to_date, household)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bool[], $7::bool[], $8::smallint[],
    $9::text[], $10::bool[], $11::bool[], $12::bool[], $13::date[], $14::date[], $15::date[], $16::date[], $17::uuid[])
on conflict (contact_id) do update set told = excluded.told, priority = excluded.priority,
    parental_responsibility = excluded.parental_responsibility, lives_with_pupil = excluded.lives_with_pupil,
    language = excluded.language, do_not_contact = excluded.do_not_contact, care_of_child = excluded.care_of_child,
    no_fixed_abode = excluded.no_fixed_abode, barred_from = excluded.barred_from, barred_to = excluded.barred_to,
    from_date = excluded.from_date, to_date = excluded.to_date, household = excluded.household
where contact.urn = excluded.urn and contact.pupil_id = excluded.pupil_id
"""
EXISTING = "select contact_id::text from contact where contact_id = any($1::uuid[])"
DROP = "delete from contact where contact_id = any($1::uuid[])"


async def of_pupils(tx: Transaction, urn: int, pupil_ids: Collection[str]) -> dict[str, dict[str, Contact]]:
    """A school's contacts of these children, by child and local id."""
    found: dict[str, dict[str, Contact]] = {}
    for row in await tx.fetch(OF_PUPILS, urn, list(pupil_ids)):
        contact_id, pupil_id, local_id, sealed, parental, lives_with, priority, *plain, first, last = row
        *plain, barred_from, barred_to = plain
        who = told_of(tx, contact_id, sealed)
        bar = None if barred_from is None else Barred(barred_from, barred_to, who.barred_order)
        values: list[Any] = [local_id, who.name, who.relationship, parental, lives_with, priority]
        values += [who.email, who.phone, who.address, *plain, bar, first, last]
        found.setdefault(pupil_id, {})[local_id] = Contact(contact_id, pupil_id, SentContact(*values))
    return found


async def existing(tx: Transaction, contact_ids: Collection[str]) -> set[str]:
    """Those of these ids that a contact has, of whichever child and school."""
    return {row[0] for row in await tx.fetch(EXISTING, list(contact_ids))}


async def replace(
    tx: Transaction, urn: int, kept: Sequence[Contact], gone: Sequence[str], new_children: Collection[str]
) -> None:
    """Writes new and changed contacts of a school's pupils, and drops those that are gone (contact ids).

    Nobody can know a contact of one of `new_children` yet: theirs are only added.
    """
    if gone:
        await tx.execute(DROP, list(gone))
    added = [(*_row(tx, contact), urn) for contact in kept if contact.pupil_id in new_children]
    if added:
        await tx.copy_records_to_table("contact", records=added, columns=(*COLUMNS, "urn"))
    changed = [_row(tx, contact) for contact in kept if contact.pupil_id not in new_children]
    if changed:
        written = await tx.execute(KEEP, urn, *(list(column) for column in zip(*changed, strict=True)))
        assert written == f"INSERT 0 {len(changed)}", "a contact of another child or school has the id of one of these"


class Told(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is sealed of a contact."""

    name: str
    relationship: str | None
    email: str | None
    phone: str | None
    address: Address | None
    barred_order: str | None


def told_of(tx: Transaction, contact_id: str, sealed: bytes) -> Told:
    """What the column `told` of a contact says."""
    return keyring(tx).open_json(sealed, f"contact/{contact_id}", Told)


def _row(tx: Transaction, contact: Contact) -> tuple[Any, ...]:
    ring, sent, home = keyring(tx), contact.sent, household(contact.sent)
    bar = sent.contact_barred
    told = Told(
        sent.name, sent.relationship, sent.email, sent.phone, sent.address, None if bar is None else bar.order
    )  # fmt: skip
    return (
        contact.contact_id, contact.pupil_id, sent.local_id, ring.seal_json(told, f"contact/{contact.contact_id}"),
        sent.parental_responsibility, sent.lives_with_pupil, sent.priority, sent.language, sent.do_not_contact,
        sent.care_of_child, sent.no_fixed_abode, *((None, None) if bar is None else (bar.from_, bar.to)), sent.from_,
        sent.to, None if home is None else ring.lookup(home, "household"),
    )  # fmt: skip
