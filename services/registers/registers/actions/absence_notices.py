"""Parents' absence notices: given, corrected, withdrawn. Every version is kept; none of it changes a mark, and none of
it is told in the ledger: nobody who follows the ledger decides by it, and what parents say of a child's health is on no
topic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from common.clock import Clock
from common.codes import code_table
from common.db import Transaction
from common.errors import Fault, InvalidError, NotFoundError
from common.idempotency import KEY_HOLDS
from common.preconditions import Precondition
from common.security import Caller

from registers.actions.access import check_school
from registers.actions.expecting import local_now
from registers.actions.writing import Write, Writer, new_id
from registers.domain import absence_notices as rules
from registers.domain.absence_notices import Content, Giver, Notice, Sender, Version
from registers.domain.contacts import Contact
from registers.domain.expected import Place
from registers.domain.register import KeyKind
from registers.store import absence_notices, contacts, identities, pupils, reading, upns

AHEAD = timedelta(minutes=5)
"""By how much a sender's clock may be ahead of ours."""


class SentGiver(NamedTuple):
    """Who gave a notice: a contact of the child, by our id or the school's own, or else somebody by name."""

    contact_id: str | None = None
    local_id: str | None = None
    name: str | None = None
    relation: str | None = None


@dataclass(frozen=True, slots=True)
class SentNotice:
    """What a notice says, as sent. `given_at` None: now, or, of a correction, as before."""

    giver: SentGiver
    channel: str
    given_at: datetime | None
    first: Place
    last: Place | None
    reason: str | None
    suggested_code: str | None


class Because(NamedTuple):
    """Who notes something about a notice, and why."""

    by: str | None = None
    why: str | None = None


async def give(
    writer: Writer,
    caller: Caller,
    urn: int,
    keys: Mapping[KeyKind, str],
    sent: SentNotice,
    said: Because,
    sender: Sender,
) -> tuple[Notice, bool]:
    """Takes a notice about the child whom the keys mean; whether it is new. One that says just what a notice says that
    is there, and one under an idempotency key that was used in the last 24 hours, is that one.

    NotFoundError: unknown or hidden school. InvalidError: an unknown child or contact, sessions, a time or a code that
    make no sense, or another notice under the key.
    """
    check_school(caller, urn)
    _check(sent, writer.clock)

    async def work(write: Write) -> tuple[Notice, bool]:
        if (earlier := await _named(write, urn, sender)) is not None:
            return earlier, False
        child = await _child(write.tx, urn, keys)
        giver = await _giver(write.tx, urn, child, sent.giver)
        content = _content(sent, giver, local_now(writer.clock))
        if sent.given_at is not None:
            same = await absence_notices.alike(write.tx, urn, child, content)
            if same is not None:
                return same, False
        notice_id = new_id()
        first = Version(1, "given", content, write.now, said.by, said.why)
        await absence_notices.add(write.tx, notice_id, urn, child, first, sender)
        return (await absence_notices.versions(write.tx, urn, notice_id))[0], True

    return (await writer.run([urn], work))[0]


async def correct(
    writer: Writer, caller: Caller, urn: int, notice_id: str, sent: SentNotice, said: Because, only: Precondition
) -> Notice:
    """Makes a notice say this from now on; one that was withdrawn counts again. What it says already is no change.

    NotFoundError: no such notice. StaleError: `only` does not hold of it. InvalidError as for `give`.
    """
    check_school(caller, urn)
    _check(sent, writer.clock)

    async def work(write: Write) -> Notice:
        known = await _known(write.tx, urn, notice_id, only)
        giver = await _giver(write.tx, urn, known.pupil_id, sent.giver, known.now.content.giver)
        content = _content(sent, giver, known.now.content.given_at)
        if known.holds and known.now.content == content:
            return known
        await absence_notices.change(write.tx, notice_id, _next(known, write, said, content=content, state="given"))
        return (await absence_notices.versions(write.tx, urn, notice_id))[0]

    return (await writer.run([urn], work))[0]


async def withdraw(
    writer: Writer, caller: Caller, urn: int, notice_id: str, said: Because, only: Precondition
) -> Notice:
    """A notice counts no longer; what it said is kept. Withdrawing it again changes nothing.

    NotFoundError: no such notice. StaleError: `only` does not hold of it.
    """
    check_school(caller, urn)

    async def work(write: Write) -> Notice:
        known = await _known(write.tx, urn, notice_id, only)
        if not known.holds:
            return known
        changed = _next(known, write, said, content=known.now.content, state="withdrawn")
        await absence_notices.change(write.tx, notice_id, changed)
        return (await absence_notices.versions(write.tx, urn, notice_id))[0]

    return (await writer.run([urn], work))[0]


def _check(sent: SentNotice, clock: Clock) -> None:
    """InvalidError for what makes no sense, whoever the child is."""
    faults = [
        rules.fault_of_span(sent.first, sent.last),
        rules.fault_of_code(sent.suggested_code, sent.first.on, code_table()),
    ]
    if sent.given_at is not None and sent.given_at > max(clock.now(), local_now(clock)) + AHEAD:
        faults.append(Fault("/given_at", "future-time", "Nobody can have told the school yet."))
    found = [fault for fault in faults if fault is not None]
    if found:
        raise InvalidError("The notice can't be taken as it is.", faults=found)


async def _named(write: Write, urn: int, sender: Sender) -> Notice | None:
    """The notice that an idempotency key names; InvalidError when something else was sent under it."""
    if sender.key is None:
        return None
    found = await absence_notices.by_key(write.tx, urn, sender, write.now - KEY_HOLDS)
    if found is None:
        return None
    notice_id, fingerprint = found
    if fingerprint != sender.fingerprint:
        fault = Fault("Idempotency-Key", "other-body", "The key was used for another notice in the last 24 hours.")
        raise InvalidError("The idempotency key belongs to another notice.", faults=[fault])
    return (await absence_notices.versions(write.tx, urn, notice_id))[0]


async def _child(tx: Transaction, urn: int, keys: Mapping[KeyKind, str]) -> str:
    """The living child of a school whom all the keys mean; InvalidError when there is none."""
    meant: set[str] = set()
    for kind, key in keys.items():
        child = await _meant(tx, urn, kind, key)
        if child is None or urn not in await pupils.schools_knowing(tx, [child]):
            raise InvalidError(faults=[Fault(f"/{kind}", "unknown-pupil", "The school has no pupil with this key.")])
        meant.add(child)
    if len(meant) != 1:
        fault = Fault("", "one-pupil", "Name one pupil by `local_id`, `upn` or `pupil_id`.")
        raise InvalidError("A notice is about one pupil.", faults=[fault])
    return meant.pop()


async def _meant(tx: Transaction, urn: int, kind: KeyKind, key: str) -> str | None:
    if kind == "local_id":
        return await reading.pupil_by_local_id(tx, urn, key)
    if kind == "upn":
        return await upns.child_of(tx, key)
    row = await identities.row(tx, key)
    return None if row is None else row.survivor or key


async def _giver(tx: Transaction, urn: int, child: str, sent: SentGiver, before: Giver | None = None) -> Giver:
    """Who gave a notice, as called now; InvalidError for a contact whom the school does not have of the child, unless
    it is the one who gave it `before`.
    """
    if sent.contact_id is None and sent.local_id is None:
        return Giver(None, sent.name or "", sent.relation)
    known = (await contacts.of_pupils(tx, urn, [child])).get(child, {})
    contact = next((one for one in known.values() if _is_meant(one, sent)), None)
    if contact is not None:
        return Giver(contact.contact_id, contact.sent.name, contact.sent.relationship)
    if before is not None and before.contact_id is not None and before.contact_id == sent.contact_id:
        return before
    key = "contact_id" if sent.contact_id is not None else "local_id"
    fault = Fault(f"/given_by/{key}", "unknown-contact", "The school has no such contact of this pupil.")
    raise InvalidError(faults=[fault])


def _is_meant(contact: Contact, sent: SentGiver) -> bool:
    return sent.contact_id in (None, contact.contact_id) and sent.local_id in (None, contact.sent.local_id)


def _content(sent: SentNotice, giver: Giver, given_at: datetime) -> Content:
    return Content(
        giver, sent.channel, sent.given_at or given_at, sent.first, sent.last, sent.reason, sent.suggested_code
    )


async def _known(tx: Transaction, urn: int, notice_id: str, only: Precondition) -> Notice:
    """A school's notice; StaleError unless `only` holds of it."""
    found = await absence_notices.versions(tx, urn, notice_id)
    if not found:
        raise NotFoundError("No such notice.")
    only.check(str(found[0].now.version))
    return found[0]


def _next(known: Notice, write: Write, said: Because, *, content: Content, state: rules.State) -> Version:
    return replace(
        known.now,
        version=known.now.version + 1,
        state=state,
        content=content,
        noted_at=write.now,
        noted_by=said.by,
        why=said.why,
    )
