"""Contacts: those that a school keeps of its pupils, and who shares a household with whom."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from common.db import Transaction

from registers.domain.contacts import Address, Barred, Contact, SentContact, household

COLUMNS = (
    "contact_id", "pupil_id", "local_id", "name", "relationship", "parental_responsibility", "lives_with_pupil",
    "priority", "email", "phone", "address", "language", "do_not_contact", "care_of_child", "no_fixed_abode",
    "barred_from", "barred_to", "barred_order", "from_date", "to_date", "household",
)  # fmt: skip
"""All columns but the school's."""

ADDRESS = COLUMNS.index("address") - 2
"""Where the address is among the values of a contact without its ids."""

_address = msgspec.json.Decoder(Address)

OF_PUPILS = """
select contact_id::text, pupil_id::text, local_id, name, relationship, parental_responsibility, lives_with_pupil,
    priority, email, phone, address, language, do_not_contact, care_of_child, no_fixed_abode,
    barred_from, barred_to, barred_order, from_date, to_date
from contact where urn = $1 and pupil_id = any($2::uuid[])
"""
KEEP = """
insert into contact (urn, contact_id, pupil_id, local_id, name, relationship, parental_responsibility, lives_with_pupil,
    priority, email, phone, address, language, do_not_contact, care_of_child, no_fixed_abode,
    barred_from, barred_to, barred_order, from_date, to_date, household)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bool[], $8::bool[],
    $9::smallint[], $10::text[], $11::text[], $12::jsonb[], $13::text[], $14::bool[], $15::bool[], $16::bool[],
    $17::date[], $18::date[], $19::text[], $20::date[], $21::date[], $22::uuid[])
on conflict (contact_id) do update set name = excluded.name, relationship = excluded.relationship,
    parental_responsibility = excluded.parental_responsibility, lives_with_pupil = excluded.lives_with_pupil,
    priority = excluded.priority, email = excluded.email, phone = excluded.phone, address = excluded.address,
    language = excluded.language, do_not_contact = excluded.do_not_contact, care_of_child = excluded.care_of_child,
    no_fixed_abode = excluded.no_fixed_abode, barred_from = excluded.barred_from, barred_to = excluded.barred_to,
    barred_order = excluded.barred_order, from_date = excluded.from_date, to_date = excluded.to_date,
    household = excluded.household
where contact.urn = excluded.urn and contact.pupil_id = excluded.pupil_id
"""
EXISTING = "select contact_id::text from contact where contact_id = any($1::uuid[])"
DROP = "delete from contact where contact_id = any($1::uuid[])"


async def of_pupils(tx: Transaction, urn: int, pupil_ids: Collection[str]) -> dict[str, dict[str, Contact]]:
    """A school's contacts of these children, by child and local id."""
    found: dict[str, dict[str, Contact]] = {}
    addresses: dict[str, Address] = {}  # a family's parents mostly share theirs
    for row in await tx.fetch(OF_PUPILS, urn, list(pupil_ids)):
        contact_id, pupil_id, *plain, barred_from, barred_to, order, first, last = row
        written = plain[ADDRESS]
        if written is not None:
            plain[ADDRESS] = addresses.get(written) or addresses.setdefault(written, _address.decode(written))
        bar = None if barred_from is None else Barred(barred_from, barred_to, order)
        plain += [bar, first, last]
        sent = SentContact(*plain)
        found.setdefault(pupil_id, {})[sent.local_id] = Contact(contact_id, pupil_id, sent)
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
    added = [(*_row(contact), urn) for contact in kept if contact.pupil_id in new_children]
    if added:
        await tx.copy_records_to_table("contact", records=added, columns=(*COLUMNS, "urn"))
    changed = [_row(contact) for contact in kept if contact.pupil_id not in new_children]
    if changed:
        written = await tx.execute(KEEP, urn, *(list(column) for column in zip(*changed, strict=True)))
        assert written == f"INSERT 0 {len(changed)}", "a contact of another child or school has the id of one of these"


def _row(contact: Contact) -> tuple[Any, ...]:
    sent = contact.sent
    bar, where = sent.contact_barred, sent.address
    barred = (None, None, None) if bar is None else (bar.from_, bar.to, bar.order)
    return (
        contact.contact_id, contact.pupil_id, sent.local_id, sent.name, sent.relationship,
        sent.parental_responsibility, sent.lives_with_pupil, sent.priority, sent.email, sent.phone,
        None if where is None else msgspec.json.encode(where).decode(), sent.language, sent.do_not_contact,
        sent.care_of_child, sent.no_fixed_abode, *barred, sent.from_, sent.to, household(sent),
    )  # fmt: skip
