"""What has been agreed with a client, and the rule that cuts a token down to it."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from common.access.caller import Caller
from common.access.reach import EVERYTHING, Reach
from common.errors import AgreementError, PurposeError


@dataclass(frozen=True, slots=True)
class Consumer:
    """An agreement in force or not: `first` and `last` (None: open) are its days. `purposes`: words, the first of which
    is meant when a request names none. `version` rises with each change.
    """

    client_id: str
    organisation: str
    purposes: tuple[str, ...]
    first: date
    last: date | None
    scopes: frozenset[str]
    reach: Reach = EVERYTHING
    redactions: frozenset[str] = frozenset()
    revoked_at: datetime | None = None
    version: int = 1


def admit(caller: Caller, consumer: Consumer, today: date, purpose: str | None) -> Caller:
    """The caller of a token, cut down to what was agreed: nothing of it is more than the token says.

    AgreementError on a day that the agreement does not cover, and once it was revoked; PurposeError for a purpose that
    was not agreed.
    """
    if consumer.revoked_at is not None:
        raise AgreementError("The agreement with this client was ended.")
    if today < consumer.first:
        raise AgreementError(f"The agreement with this client begins on {consumer.first.isoformat()}.")
    if consumer.last is not None and consumer.last < today:
        raise AgreementError(f"The agreement with this client ended on {consumer.last.isoformat()}.")
    if purpose is not None and purpose not in consumer.purposes:
        raise PurposeError(f"Agreed purposes: {', '.join(consumer.purposes)}.")
    return replace(
        caller,
        scopes=caller.scopes & consumer.scopes,
        reach=caller.reach.within(consumer.reach),
        purpose=purpose or consumer.purposes[0],
        redactions=consumer.redactions,
        on=today,
        bearer_reach=caller.reach,
    )
