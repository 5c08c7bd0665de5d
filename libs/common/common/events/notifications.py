"""What notifications says, on topic `notifications`, keyed by `pupil_id`: each event has the letter's full state."""

from typing import ClassVar, Literal

from common.events import Data, Revision, register

TOPIC = "notifications"


class Letter(Data, frozen=True, kw_only=True):
    """The full state of a letter; `overtaken` says that its reason went after it had reached `sending`.

    `withheld` says why one that has its reason is not sent to its recipient: `barred`, `gone`, `no-address`,
    `nobody`, `not-to-be-written-to`, `perhaps-barred`; a person looks (task `check_recipient`). Null for every other
    letter. `nobody`: there is none to be written to, and `recipient_id` is the nil UUID until there is.
    """

    topic: ClassVar[str] = TOPIC
    letter_id: str
    kind: str
    pupil_id: str
    school_urn: int
    episode_id: str
    recipient_id: str
    channel: Literal["letter", "email", "text"]
    status: Literal["queued", "sending", "sent", "delivered", "returned", "recalled", "failed"]
    overtaken: bool
    template_version: str
    revision: Revision
    withheld: str | None = None


@register
class LetterQueued(Letter, frozen=True, kw_only=True):
    """It is due, and waits until its hold is over; again after it was recalled, if its reason is back."""

    type: ClassVar[str] = "uk.rollcall.notifications.letter-queued.v1"


@register
class LetterSent(Letter, frozen=True, kw_only=True):
    """The channel has taken it."""

    type: ClassVar[str] = "uk.rollcall.notifications.letter-sent.v1"


@register
class LetterRecalled(Letter, frozen=True, kw_only=True):
    """Its reason went, or its recipient must not be written to, before it left."""

    type: ClassVar[str] = "uk.rollcall.notifications.letter-recalled.v1"


@register
class LetterFailed(Letter, frozen=True, kw_only=True):
    """It cannot be known whether it left the building: a person looks (task `check_sending`)."""

    type: ClassVar[str] = "uk.rollcall.notifications.letter-failed.v1"


@register
class LetterOvertaken(Letter, frozen=True, kw_only=True):
    """Its reason went when it could no longer be held back: a person decides (task `already_sent`)."""

    type: ClassVar[str] = "uk.rollcall.notifications.letter-overtaken.v1"
