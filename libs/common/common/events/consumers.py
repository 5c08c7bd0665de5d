"""What registers says of agreements: topic `consumers`, keyed by client. Each event is the full state, and the highest
`version` of a client holds.
"""

from typing import ClassVar

from common.events import Data, register

TOPIC = "consumers"


@register
class ConsumerChanged(Data, frozen=True, kw_only=True):
    """What is agreed with a client from now on. `schools`: the URNs that it may see, its authorities' schools
    among them; null: all. `cohorts`: flags of which a child must have one; null: all children. `redactions`: fields
    that are left out of its answers. An agreement that was `revoked_at` a moment opens nothing any more.
    """

    type: ClassVar[str] = "uk.rollcall.consumers.consumer-changed.v1"
    topic: ClassVar[str] = TOPIC
    client_id: str
    version: int
    organisation: str
    purposes: list[str]
    agreement_from: str
    agreement_to: str | None
    scopes: list[str]
    schools: list[int] | None
    cohorts: list[str] | None
    redactions: list[str]
    revoked_at: str | None
