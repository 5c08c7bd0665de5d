"""What is agreed with a client of ours: who it is, what for, from when to when, and how far it sees.

A client is what a token is given to: the system of a school, of a supplier, of a partner in another service. Which of
an authority's schools there are changes by itself; what was agreed does not.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from common.events.consumers import ConsumerChanged
from common.preconditions import state_of

OrganisationType = Literal[
    "local-authority", "school", "trust", "supplier", "health", "police", "youth-justice", "voluntary", "other"
]
Standing = Literal["in-force", "not-yet", "ended", "revoked"]


@dataclass(frozen=True, slots=True)
class Consumer:
    """An agreement. `agreed_from`, `agreed_to`: its first and last day; `reference`: where it is written down. It opens
    the schools of `las` and those of `urns`, or all when both are None; of their children those in one of `cohorts`,
    or all. `redactions`: fields that are left out of answers. `schools`: the URNs that this comes to by now.
    """

    client_id: str
    organisation: str
    organisation_type: OrganisationType
    reference: str | None
    purposes: tuple[str, ...]
    agreed_from: date
    agreed_to: date | None
    scopes: tuple[str, ...]
    las: tuple[str, ...] | None = None
    urns: tuple[int, ...] | None = None
    cohorts: tuple[str, ...] | None = None
    redactions: tuple[str, ...] = ()
    revoked_at: datetime | None = None
    version: int = field(default=0, compare=False)
    schools: tuple[int, ...] | None = field(default=None, compare=False)

    @property
    def state(self) -> str:
        """Stands for what was agreed, whatever schools that comes to."""
        return state_of(replace(self, version=0, schools=None))

    def standing(self, today: date) -> Standing:
        """Whether it opens anything on a day."""
        if self.revoked_at is not None:
            return "revoked"
        if today < self.agreed_from:
            return "not-yet"
        return "ended" if self.agreed_to is not None and self.agreed_to < today else "in-force"


def as_event(consumer: Consumer) -> ConsumerChanged:
    """The agreement as it is announced."""
    return ConsumerChanged(
        client_id=consumer.client_id,
        version=consumer.version,
        organisation=consumer.organisation,
        purposes=list(consumer.purposes),
        agreement_from=consumer.agreed_from.isoformat(),
        agreement_to=None if consumer.agreed_to is None else consumer.agreed_to.isoformat(),
        scopes=list(consumer.scopes),
        schools=None if consumer.schools is None else list(consumer.schools),
        cohorts=None if consumer.cohorts is None else list(consumer.cohorts),
        redactions=list(consumer.redactions),
        revoked_at=None if consumer.revoked_at is None else consumer.revoked_at.isoformat(),
    )
