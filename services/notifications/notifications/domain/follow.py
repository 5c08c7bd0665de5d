"""What the newest episodes of a child mean for its letters: a function of all that is kept about the child, whole.

The state of letters and settlements follows from the episodes as they are now, however their revisions arrived; only
what has reached `sending` keeps its history.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from notifications.domain import letters
from notifications.domain.policy import Policy
from notifications.domain.values import NOBODY, Episode, Letter, Settlement

Told = TypeVar("Told", bound=Episode)


@dataclass(slots=True)
class Changes:
    """What is to be saved: letters that changed, settlements that became due, and those that are no longer wanted."""

    letters: list[Letter] = field(default_factory=list[Letter])
    due: list[Settlement] = field(default_factory=list[Settlement])
    dropped: list[Settlement] = field(default_factory=list[Settlement])


def newest(told: Iterable[Told], stored: Mapping[str, Episode]) -> list[Told]:
    """Of each episode the highest revision told, if it is higher than the one stored."""
    best: dict[str, Told] = {}
    for episode in told:
        known = best.get(episode.episode_id) or stored.get(episode.episode_id)
        if known is None or episode.revision > known.revision:
            best[episode.episode_id] = episode
    return list(best.values())


def follow(
    changes: Changes,
    of_child: Sequence[Episode],
    letters_of: Mapping[str, Sequence[Letter]],
    settlements: Mapping[str, Settlement],
    policy: Policy,
    now: datetime,
    hold: timedelta,
) -> None:
    """Notes in `changes` what brings a child's letters in line with all its episodes.

    Letters and settlements are found by episode; nothing that stays as it is is noted.
    """
    for episode in of_child:
        rule = policy.letters.get(episode.kind)
        if rule is None:
            continue
        wanted = letters.is_wanted(episode, of_child, rule)
        settlement = settlements.get(episode.episode_id)
        its_letters = letters_of.get(episode.episode_id, ())
        looked_in_vain = any(one.recipient_id == NOBODY for one in its_letters) and letters.waits_for_somebody(episode)
        if wanted and (settlement is None or (looked_in_vain and settlement.state == "settled")):
            due = Settlement(
                episode_id=episode.episode_id, letter_kind=rule.letter, state="due", due_at=now, attempts=0
            )
            changes.due.append(due)
        if not wanted and settlement is not None and settlement.state == "due":
            changes.dropped.append(settlement)
        for letter in its_letters:
            after = letters.after_episode(letter, episode, rule, wanted=wanted, now=now, hold=hold)
            if after != letter:
                changes.letters.append(after)
