"""Explanations as the rows of episodes keep them (`docs/decisions/episodes.md`): a JSON list, deflated against a text
that is known beforehand, `explanation.txt`: examples of each kind. Most of an explanation is in there, so that a row
has to hold the numbers, dates and sessions. The first byte names the text: that one is never changed, only followed by
another.

The sessions are a text of words (`packed`). An earlier version kept objects in columns of their own.
"""

import zlib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec
from common.events.absence_engine import CountedSession, Explanation, SchoolSequence

from absence_engine.domain.ticks import day_of, session_of, tick_of

FIRST = b"\x01"
WINDOW_BITS, MEMORY, LEVEL = -12, 4, 6
"""Bare deflate with a window of 4 KB: the text and an explanation fit, and a compressor is soon made."""

_text = files("absence_engine").joinpath("store/explanation.txt").read_bytes()
_compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY, zlib.Z_DEFAULT_STRATEGY, _text)


class _Row(msgspec.Struct, frozen=True, array_like=True):
    """What is said of an episode, but for its hash, which has a column."""

    sentence: str
    sessions: str
    school_weeks: list[str]
    formula: dict[str, int | str]
    policy_version: str
    sequence: list[list[int]]


class _Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An explanation as an earlier version kept it."""

    sentence: str
    sessions: str | list[CountedSession]
    school_weeks: list[str]
    formula: dict[str, int | str]
    policy_version: str
    hash: str


_encoder, _decoder = msgspec.json.Encoder(), msgspec.json.Decoder(_Row)


def pack(e: Explanation, sequence: Sequence[SchoolSequence]) -> bytes:
    """An explanation, without its hash, and how far the schools were counted."""
    counted = [[one.school_urn, one.sequence] for one in sequence]
    row = _Row(e.sentence, packed(e.sessions), e.school_weeks, e.formula, e.policy_version, counted)
    compressor = _compressor.copy()
    return FIRST + compressor.compress(_encoder.encode(row)) + compressor.flush()


def unpack(kept: bytes, digest: str) -> tuple[Explanation, list[SchoolSequence]]:
    """What was packed, with its hash."""
    assert kept[:1] == FIRST, "written by a newer version"
    row = _decoder.decode(zlib.decompressobj(WINDOW_BITS, _text).decompress(kept[1:]))
    sequence = [SchoolSequence(urn, number) for urn, number in row.sequence]
    sessions = unpacked(row.sessions)
    told = Explanation(
        sentence=row.sentence,
        sessions=sessions,
        school_weeks=row.school_weeks,
        formula=row.formula,
        policy_version=row.policy_version,
        hash=digest,
    )
    return told, sequence


def of_before(explanation: str, sequence: str) -> tuple[Explanation, list[SchoolSequence]]:
    """What an earlier version has written, as JSON."""
    e = msgspec.json.decode(explanation, type=_Earlier)
    sessions = unpacked(e.sessions) if isinstance(e.sessions, str) else e.sessions
    told = Explanation(
        sentence=e.sentence,
        sessions=sessions,
        school_weeks=e.school_weeks,
        formula=e.formula,
        policy_version=e.policy_version,
        hash=e.hash,
    )
    return told, msgspec.json.decode(sequence, type=list[SchoolSequence])


@cache
def _tick_of(day: str, session: str) -> int:
    return tick_of(date.fromisoformat(day), session == "PM")


def packed(sessions: Iterable[CountedSession]) -> str:
    """Sessions in time order as a text of words: each one's code behind its distance from the one before in half days
    (of the first: from the year 0), and `@URN` before those of a school.
    """
    words: list[str] = []
    urn, before = 0, 0
    for one in sessions:
        if one.school_urn != urn:
            urn = one.school_urn
            words.append(f"@{urn}")
        tick = _tick_of(one.date, one.session)
        words.append(f"{tick - before}{one.code}")
        before = tick
    return " ".join(words)


def unpacked(text: str) -> list[CountedSession]:
    """The sessions of such a text."""
    found: list[CountedSession] = []
    urn, tick = 0, 0
    for word in text.split():
        if word.startswith("@"):
            urn = int(word[1:])
            continue
        code = word.lstrip("0123456789")
        tick += int(word[: len(word) - len(code)])
        found.append(CountedSession(day_of(tick).isoformat(), session_of(tick), code, urn))
    return found
