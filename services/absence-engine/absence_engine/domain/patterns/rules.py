"""What it takes for a pattern, as a policy writes it. All integers; a kind that is null is not looked for."""

from typing import Annotated

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=1, le=1000)]


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The numbers of one kind of pattern."""


class Often(Numbers, frozen=True, kw_only=True):
    """Absences gather in some places of the year (a weekday, the edges of holidays, days on which a sibling is away):
    at least `least` of them there; at least `times` as often as elsewhere (with a sibling: as chance would have it);
    and, were the same absences dealt out over the year by lot, at most one year in `one_in` would have so many there.
    """

    least: Annotated[int, Meta(ge=2, le=1000)]
    times: Count = 2
    one_in: Annotated[int, Meta(ge=2, le=1_000_000)] = 1000


class Edge(Often, frozen=True, kw_only=True):
    """As `Often`, for the open days beside a holiday: `closed_days` or more without an open session."""

    closed_days: Annotated[int, Meta(ge=3, le=100)] = 5


class HalfDay(Numbers, frozen=True, kw_only=True):
    """Days of which the morning alone, or the afternoon alone, was missed: at least `days` of them, and at least `part`
    of `of` of all days with an absence.
    """

    days: Annotated[int, Meta(ge=2, le=366)] = 6
    part: Count = 1
    of: Count = 2


class Streak(Numbers, frozen=True, kw_only=True):
    """At least `sessions` possible sessions missed in a row."""

    sessions: Annotated[int, Meta(ge=2, le=732)] = 20


class ShortStreaks(Numbers, frozen=True, kw_only=True):
    """At least `streaks` separate absences of at most `sessions` possible sessions each."""

    streaks: Annotated[int, Meta(ge=2, le=366)] = 12
    sessions: Annotated[int, Meta(ge=1, le=732)] = 4


class LateStreak(Numbers, frozen=True, kw_only=True):
    """Late (L or U) on at least `days` in a row of those on which the child came."""

    days: Annotated[int, Meta(ge=2, le=366)] = 4


class Sudden(Numbers, frozen=True, kw_only=True):
    """In the last `weeks` weeks at least `sessions` missed, at least `times` as often as before, and more often by at
    least `part` of `of` possible sessions; before them there were at least `before` possible sessions.
    """

    weeks: Annotated[int, Meta(ge=1, le=20)] = 4
    sessions: Annotated[int, Meta(ge=2, le=732)] = 12
    before: Annotated[int, Meta(ge=1, le=732)] = 60
    times: Count = 3
    part: Count = 1
    of: Count = 10


class Patterns(Numbers, frozen=True, kw_only=True):
    """The numbers of all kinds of patterns."""

    weekday: Often | None = Often(least=4)
    holiday_edge: Edge | None = Edge(least=3)
    medical: Often | None = Often(least=4)
    half_day: HalfDay | None = HalfDay()
    streak: Streak | None = Streak()
    short_streaks: ShortStreaks | None = ShortStreaks()
    late_streak: LateStreak | None = LateStreak()
    sudden_change: Sudden | None = Sudden()
    sibling_synchronous: Often | None = Often(least=4)


KINDS = Patterns.__struct_fields__
"""The kinds of patterns, in the order in which they are told."""
