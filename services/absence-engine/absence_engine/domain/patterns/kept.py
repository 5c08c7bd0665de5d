"""What becomes of patterns that were said: a new one is kept, one that shows no longer is gone, and may show again.

A pattern is the same one as long as child, kind, `what` and academic year are. It belongs to the child that the id
means under which it was first said (`origin`): a merge brings it along, a split takes it back.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from common.academic import year_name
from common.events import Event, Revision, make
from common.events.absence_engine import CountedSession, PatternDetected

Key = tuple[str, str, int]


class Shown(NamedTuple):
    """A pattern that shows, with what is said of it."""

    kind: str
    what: str
    year: int
    sentence: str
    sessions: Sequence[CountedSession]
    numbers: dict[str, int]
    policy_version: str

    @property
    def key(self) -> Key:
        return self.kind, self.what, self.year

    @property
    def school_urn(self) -> int:
        """The school of the last session behind it."""
        return self.sessions[-1].school_urn


class Kept(NamedTuple):
    """A pattern as it was said last; `pupil_id` is the living child."""

    pattern_id: str
    origin: str
    pupil_id: str
    shown: Shown
    school_urn: int
    detected_at: datetime
    gone_at: datetime | None
    epoch: int
    revision: int

    @property
    def state(self) -> str:
        """`standing` or `gone`."""
        return "standing" if self.gone_at is None else "gone"


def changes(pupil_id: str, shown: Iterable[Shown], kept: Iterable[Kept], epoch: int, now: datetime) -> list[Kept]:
    """What is to be said of a child's patterns: of those that show and were not standing, and of those that were and
    show no more. Where ids of one child were merged, the living id's own goes on, else the lowest id's; what the others
    said of the same is gone.
    """
    known: dict[Key, list[Kept]] = {}
    for one in sorted(kept, key=lambda one: (one.origin != pupil_id, one.origin)):
        known.setdefault(one.shown.key, []).append(one)
    said: list[Kept] = []
    for found in shown:
        first, *others = known.pop(found.key, [_new(pupil_id, found, epoch, now)])
        if first.revision == 0 or first.gone_at is not None:
            said.append(first._replace(shown=found, school_urn=found.school_urn, detected_at=now, gone_at=None))
        said += [one._replace(gone_at=now) for one in others if one.gone_at is None]
    said += [one._replace(gone_at=now) for its in known.values() for one in its if one.gone_at is None]
    return [_revised(one, pupil_id, epoch) for one in said]


def _new(pupil_id: str, found: Shown, epoch: int, now: datetime) -> Kept:
    name = f"pattern/{pupil_id}/{found.kind}/{found.what}/{found.year}"
    return Kept(str(uuid5(NAMESPACE_URL, name)), pupil_id, pupil_id, found, found.school_urn, now, None, epoch, 0)


def _revised(one: Kept, pupil_id: str, epoch: int) -> Kept:
    count = one.revision + 1 if one.epoch == epoch else 1
    return one._replace(pupil_id=pupil_id, epoch=epoch, revision=count)


def event(one: Kept, now: datetime) -> Event:
    """The full state of a pattern, said once in each revision."""
    data = PatternDetected(
        pattern_id=one.pattern_id,
        pupil_id=one.pupil_id,
        kind=one.shown.kind,
        what=one.shown.what,
        academic_year=year_name(one.shown.year),
        state="standing" if one.gone_at is None else "gone",
        school_urn=one.school_urn,
        sentence=one.shown.sentence,
        sessions=list(one.shown.sessions),
        numbers=one.shown.numbers,
        policy_version=one.shown.policy_version,
        detected_at=one.detected_at.isoformat(timespec="milliseconds"),
        gone_at=None if one.gone_at is None else one.gone_at.isoformat(timespec="milliseconds"),
        revision=Revision(one.epoch, one.revision),
    )
    identity = str(uuid5(NAMESPACE_URL, f"pattern/{one.pattern_id}/{one.epoch}/{one.revision}"))
    return make(data, id=identity, subject=one.pupil_id, now=now)
