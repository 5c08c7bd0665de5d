"""What is so of a child for a time, and who says so: free meals, special needs, social care, a part-time timetable.

Each saying is a span of days, both inclusive, open while nobody knows its end. A roll says what is so now; what its
list begins or ceases to hold opens or closes spans of source `roll`. A figure about a group of children asks for the
spans of the session's date, so that a child who was looked after last year counts for last year.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from common.events import registers as events

Kind = Literal[
    "FSM", "EHCP", "SEN_SUPPORT", "CLA", "CIN", "CP", "YOUNG_CARER", "YOUTH_JUSTICE", "EVER_SOCIAL_WORKER",
    "PART_TIME_TIMETABLE",
]  # fmt: skip

ROLL, TIMETABLE = "roll", "timetable"
"""The sources that are kept by rolls and by part-time timetables; nobody else speaks for them."""
SOCIAL_WORK = frozenset({"CLA", "CIN", "CP"})
"""While one of these holds, a child has a social worker."""


class Span(NamedTuple):
    """That `flag` holds from `start` to `end`, as `source` says of the id `pupil_id`; `urn`: a school that said it."""

    pupil_id: str
    source: str
    flag: str
    start: date
    end: date | None = None
    urn: int | None = None

    def holds(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


class Moved(NamedTuple):
    """Spans that are new or end otherwise now, and spans that are gone as if they had never been said."""

    kept: tuple[Span, ...] = ()
    gone: tuple[Span, ...] = ()


NOTHING = Moved()


def follow_roll(
    child: str, spans: Sequence[Span], said: Iterable[str], news: Iterable[str], stay: date, today: date, urn: int
) -> Moved:
    """What a roll's list of flags changes among a child's spans of source `roll`.

    A flag of `said` that no span holds today begins today if it is among `news`, what earlier rolls did not say; else,
    and for a child whom nobody knew, on the first day of the stay if that lies before.
    """
    current = [span for span in spans if span.source == ROLL and span.holds(today)]  # of one flag several, once merged
    wanted, new = set(said), set(news)
    opened = [
        Span(child, ROLL, flag, today if flag in new else min(stay, today), None, urn)
        for flag in sorted(wanted - {span.flag for span in current})
    ]
    ceased = sorted((span for span in current if span.flag not in wanted), key=lambda span: span[:4])
    yesterday = today - timedelta(days=1)
    closed = [span._replace(end=yesterday) for span in ceased if span.start <= yesterday]
    return Moved((*opened, *closed), tuple(span for span in ceased if span.start > yesterday))


def replace(spans: Iterable[Span], said: Sequence[Span], sources: Iterable[str]) -> Moved:
    """What changes when `said` is all that these sources say of a child."""
    speaking = set(sources)
    before = {span[:4]: span for span in spans if span.source in speaking}
    after = {span[:4]: span for span in said}
    kept = [span for key, span in after.items() if before.get(key) != span]
    return Moved(tuple(kept), tuple(span for key, span in before.items() if key not in after))


def after(spans: Iterable[Span], moved: Moved) -> list[Span]:
    """The spans once `moved` is done, in order."""
    found = {span[:4]: span for span in spans} | {span[:4]: span for span in moved.kept}
    for span in moved.gone:
        found.pop(span[:4], None)
    return sorted(found.values(), key=lambda span: span[:4])


def overlapping(said: Sequence[Span]) -> list[tuple[int, int]]:
    """Places of sayings that repeat a part of an earlier one of the same flag and source, and the place of that."""
    found: list[tuple[int, int]] = []
    seen: dict[tuple[str, str], list[tuple[Span, int]]] = {}
    for place, span in enumerate(said):
        others = seen.setdefault((span.source, span.flag), [])
        first = next((at for other, at in others if _overlap(span, other)), None)
        if first is not None:
            found.append((place, first))
        others.append((span, place))
    return found


def as_events(spans: Iterable[Span]) -> list[events.FlagSpan]:
    """The spans as they are announced: under whichever id they were said, each once, in order."""
    told = {(span.flag, span.start, span.end, span.source) for span in spans}
    ordered = sorted(told, key=lambda one: (one[0], one[1], one[3], one[2] or date.max))
    return [
        events.FlagSpan(flag, start.isoformat(), end.isoformat() if end else None, source)
        for flag, start, end, source in ordered
    ]


def _overlap(one: Span, other: Span) -> bool:
    return one.start <= (other.end or date.max) and other.start <= (one.end or date.max)
