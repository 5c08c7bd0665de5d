"""The events of notifications: each change of a letter is said once, under an id made of its revision."""

from datetime import datetime
from uuid import UUID, uuid5

from common.events import Event, make, notifications

from notifications.domain.values import Letter, Status

TYPES: dict[Status, type[notifications.Letter]] = {
    "queued": notifications.LetterQueued,
    "sending": notifications.LetterQueued,
    "sent": notifications.LetterSent,
    "delivered": notifications.LetterSent,
    "returned": notifications.LetterSent,
    "recalled": notifications.LetterRecalled,
    "failed": notifications.LetterFailed,
}


def of_letter(letter: Letter, now: datetime, *, just_overtaken: bool = False) -> Event:
    """The state of a letter, as the kind of event that its last change was."""
    kind = notifications.LetterOvertaken if just_overtaken else TYPES[letter.status]
    data = kind(
        letter_id=letter.letter_id,
        kind=letter.kind,
        pupil_id=letter.pupil_id,
        school_urn=letter.school_urn,
        episode_id=letter.episode_id,
        recipient_id=letter.recipient_id,
        channel=letter.channel,
        status=letter.status,
        overtaken=letter.overtaken,
        template_version=letter.template_version,
        revision=letter.revision,
        withheld=letter.withheld_why,
    )
    id = str(uuid5(UUID(letter.letter_id), f"{letter.revision.epoch}.{letter.revision.count}"))
    return make(data, id=id, subject=letter.pupil_id, now=now)
