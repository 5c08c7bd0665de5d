"""The JSON of counts, of one child as of many."""

from typing import Any

from absence_engine.domain.counts import Counts, percent


def counts(c: Counts) -> dict[str, Any]:
    """The fields of CountsOut."""
    return {
        "possible": c.possible,
        "attended": c.attended,
        "absent": c.absent,
        "authorised": c.authorised,
        "unauthorised": c.unauthorised,
        "late_before_close": c.late_before_close,
        "late_after_close": c.late_after_close,
        "absence_percent": percent(c.absent, c.possible),
        "attendance_percent": percent(c.attended, c.possible),
    }
