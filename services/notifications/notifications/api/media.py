"""Which of the forms that we have a caller wants (RFC 9110, 12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str | None, offered: Sequence[str]) -> str | None:
    """The offered media type that `accept` ranks highest, the first of equals; None when it accepts none of them."""
    if not accept or not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    ranked = [(_quality(media, ranges), -place, media) for place, media in enumerate(offered)]
    best = max(ranked)
    return best[2] if best[0] > 0 else None


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media, min(max(float(value), 0.0), 1.0)
            except ValueError:
                return media, 0.0
    return media, 1.0


def _quality(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The q of the most specific range that matches; 0 when none does."""
    for pattern in (media, media.partition("/")[0] + "/*", "*/*"):
        matching = [quality for accepted, quality in ranges if accepted == pattern]
        if matching:
            return max(matching)
    return 0.0
