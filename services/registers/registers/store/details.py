"""What is kept of a mark, or of its register, beside its code: the column `details`, and who took the register.

What people wrote or are called is sealed together: a mark's comment, reason and who amended it are `said` in its
details, and `has_reason` stays in the clear, for lists ask for it. What older versions kept is read as it is; a
rotation of the keys seals it (`store.rotating`).
"""

from datetime import datetime
from typing import NamedTuple

import msgspec
from common.db import Transaction, keyring
from common.sealed import Keyring

from registers.domain.standing import Amender, Details


class Said(NamedTuple):
    """What is sealed of a mark's details."""

    comment: str | None
    reason: str | None
    amended_by: str | Amender | None


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """Details as they are kept: with `said`, or with its parts in the clear, as before."""

    minutes_late: int | None = None
    comment: str | None = None
    reason: str | None = None
    amended_by: str | Amender | None = None
    reason_detail: tuple[str, ...] = ()
    arrived_at: datetime | None = None
    has_reason: bool = False
    said: bytes | None = None


_stored = msgspec.json.Decoder(Stored)


def details_of(tx: Transaction, text: str | None, received: int, place: int) -> Details | None:
    """The details in the column `details` of the mark that came in a submission, at a place of it."""
    if text is None:
        return None
    kept = _stored.decode(text)
    said = Said(kept.comment, kept.reason, kept.amended_by)
    if kept.said is not None:
        said = keyring(tx).open_json(kept.said, _mark(received, place), Said)
    return Details(kept.minutes_late, *said, kept.reason_detail, kept.arrived_at)


def as_kept(ring: Keyring, details: Details | None, received: int, place: int) -> str | None:
    """What the column `details` holds."""
    if details is None:
        return None
    said = Said(details.comment, details.reason, details.amended_by)
    kept = Stored(
        minutes_late=details.minutes_late,
        reason_detail=details.reason_detail,
        arrived_at=details.arrived_at,
        has_reason=details.reason is not None,
        said=None if said == (None, None, None) else ring.seal_json(said, _mark(received, place)),
    )
    return msgspec.json.encode(kept).decode()


def is_sealed_by(ring: Keyring, text: str) -> bool:
    """Whether all that is to be sealed of some details is, and by the current key."""
    kept = _stored.decode(text)
    plain = (kept.comment, kept.reason, kept.amended_by)
    return plain == (None, None, None) and (kept.said is None or kept.said.startswith(ring.header))


def taken_by(tx: Transaction, received: int, plain: str | None, sealed: bytes | None) -> str | None:
    """Who took a register, by the columns `taken_by` and `taker` of its submission."""
    return plain if sealed is None else keyring(tx).open(sealed, _submission(received)).decode()


def taker(ring: Keyring, received: int, who: str | None) -> bytes | None:
    """What the column `taker` holds."""
    return None if who is None else ring.seal(who.encode(), _submission(received))


def _mark(received: int, place: int) -> str:
    return f"mark/{received}/{place}"


def _submission(received: int) -> str:
    return f"submission/{received}"
