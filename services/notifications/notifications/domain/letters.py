"""What becomes of one letter.

A letter is wanted while its episode is firm and no graver one of the same year displaces it. One that has not reached
`sending` is recalled when it is not wanted, and queued again under its id, with a new hold, when it is. One that has
can't be held back: if its reason goes, it is overtaken, once and for good, and a person decides. Being displaced
takes no reason away.

Where nobody may be written to, one letter to nobody is withheld while its episode is open, so that a person looks; it
is given to the first recipient who is found.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from common.events import Revision

from notifications.domain.policy import LetterRule
from notifications.domain.values import NOBODY, UNSENT, ChannelName, Contact, Episode, Letter, Way, Withholding, revised

FIRST = Revision(1, 1)


def letter_id(episode_id: str, kind: str, recipient_id: str) -> str:
    """The id of the one letter of a kind to one recipient about one episode."""
    return str(uuid5(UUID(episode_id), f"{kind}/{recipient_id}"))


def is_wanted(episode: Episode, of_child: Iterable[Episode], rule: LetterRule) -> bool:
    """Whether an episode's letter is to be written, among all episodes `of_child`."""
    return episode.is_firm and not any(
        other.is_firm and other.kind in rule.displaced_by and other.academic_year == episode.academic_year
        for other in of_child
    )


def waits_for_somebody(episode: Episode) -> bool:
    """Whether recipients of an episode's wanted letter are looked for until there are any."""
    return episode.state == "open"


def made(episode: Episode, rule: LetterRule, recipient: Contact, way: Way, now: datetime, hold: timedelta) -> Letter:
    """A new letter, queued until its hold has passed; withheld when there is no way to its recipient."""
    return _addressed(_new(episode, rule, recipient.contact_id, now, hold), recipient, way)


def to_nobody(episode: Episode, rule: LetterRule, now: datetime, hold: timedelta) -> Letter:
    """A new letter that waits for somebody who may be written to."""
    letter = _new(episode, rule, NOBODY, now, hold)
    return replace(letter, status="recalled", withheld=True, withheld_why="nobody")


def given(letter: Letter, recipient: Contact, way: Way, now: datetime, hold: timedelta) -> Letter:
    """A letter to nobody that has found its recipient: as if it were made now."""
    until = now + hold
    queued = replace(letter, status="queued", withheld=False, withheld_why=None, queued_at=now)
    return revised(letter, _addressed(replace(queued, hold_until=until, due_at=until), recipient, way))


def _addressed(letter: Letter, recipient: Contact, way: Way) -> Letter:
    letter = replace(letter, recipient_id=recipient.contact_id)
    if way in ("letter", "email", "text"):
        return replace(letter, channel=way)
    return replace(letter, channel="letter", status="recalled", withheld=True, withheld_why=way)


def _new(episode: Episode, rule: LetterRule, recipient_id: str, now: datetime, hold: timedelta) -> Letter:
    return Letter(
        letter_id=letter_id(episode.episode_id, rule.letter, recipient_id),
        kind=rule.letter,
        pupil_id=episode.pupil_id,
        school_urn=episode.school_urn,
        episode_id=episode.episode_id,
        recipient_id=recipient_id,
        channel="letter",
        status="queued",
        overtaken=False,
        withheld=False,
        template_version=rule.template_version,
        made_at=now,
        queued_at=now,
        hold_until=now + hold,
        due_at=now + hold,
        sent_at=None,
        revision=FIRST,
    )


def after_episode(
    letter: Letter, episode: Episode, rule: LetterRule, *, wanted: bool, now: datetime, hold: timedelta
) -> Letter:
    """The letter as the newest state of its episode wants it."""
    if letter.status not in UNSENT:
        return revised(letter, replace(letter, overtaken=letter.overtaken or not episode.is_firm))
    if not wanted:
        return revised(letter, replace(letter, status="recalled", withheld=False, withheld_why=None))
    placed = replace(letter, school_urn=episode.school_urn)
    if letter.recipient_id == NOBODY:
        waits = waits_for_somebody(episode)
        return revised(letter, replace(placed, withheld=waits, withheld_why="nobody" if waits else None))
    if letter.status == "recalled" and not letter.withheld:
        until = now + hold
        again = replace(placed, status="queued", queued_at=now, hold_until=until, due_at=until)
        return revised(letter, replace(again, template_version=rule.template_version))
    return revised(letter, placed)


def withheld(letter: Letter, why: Withholding) -> Letter:
    """Its recipient can't or may not be written to: recalled, and it stays so while its episode stands."""
    return revised(letter, replace(letter, status="recalled", withheld=True, withheld_why=why))


def leaving(letter: Letter, channel: ChannelName, now: datetime) -> Letter:
    """It is being handed over from now on. Nobody is told yet, so its revision stays."""
    return replace(letter, status="sending", channel=channel, due_at=now)


def sent(letter: Letter, now: datetime) -> Letter:
    """It has been handed over."""
    return revised(letter, replace(letter, status="sent", sent_at=now))


def failed(letter: Letter) -> Letter:
    """Nobody knows whether it has left, or it was refused: a person looks."""
    return revised(letter, replace(letter, status="failed"))
