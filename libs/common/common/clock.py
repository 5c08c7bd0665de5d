"""What time it is: an argument everywhere (style: rules are pure), made once in `main`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True, slots=True)
class Clock:
    """`now()` in UTC and `today()` in Europe/London. `fixed_today` is ROLLCALL_TODAY: development and tests only."""

    fixed_today: date | None = None
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)

    def now(self) -> datetime:
        return self.wall()

    def today(self) -> date:
        return self.fixed_today or self.wall().astimezone(LONDON).date()
