"""Children and calendars for the tests of the rules: short ways to say them, and hypothesis strategies."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from absence_engine.domain.flags import Flagged
from absence_engine.domain.records import Calendars, ChildRecord, Enrolment, Sheet
from absence_engine.domain.ticks import NEVER, day_of, session_of, tick_of, year_start
from common.academic import GRID, Session, year_of
from common.codes import code_table
from hypothesis import strategies as st

PUPIL = "11111111-1111-4111-8111-111111111111"
DEAD = "00000000-0000-4000-8000-000000000000"
URN, OTHER = 100001, 100002
NUMBER = {code: entry.number for code, entry in code_table().items()}


def sessions(days: Iterable[date]) -> list[int]:
    """Both sessions of each day."""
    return [tick_of(day, session) for day in days for session in Session]


def sheets(marks: dict[int, str], urn: int = URN, pupil_id: str = PUPIL) -> list[Sheet]:
    """Sheets of one school from code by tick."""
    years: dict[int, bytearray] = {}
    for tick, code in marks.items():
        year = year_of(day_of(tick))
        years.setdefault(year, bytearray(GRID))[tick - year_start(year)] = NUMBER[code]
    return [Sheet(pupil_id, urn, year, bytes(codes)) for year, codes in sorted(years.items())]


def calendars(open_ticks: Mapping[int, Iterable[int]]) -> Calendars:
    """Calendars from the open sessions of each school."""
    grids: dict[tuple[int, int], bytearray] = {}
    for urn, ticks in open_ticks.items():
        for tick in ticks:
            year = year_of(day_of(tick))
            grids.setdefault((urn, year), bytearray(GRID))[tick - year_start(year)] = 1
    return Calendars.of({key: bytes(grid) for key, grid in grids.items()})


def stay(urn: int = URN, from_: date = date(2023, 8, 1), to: date | None = None, kind: str = "single") -> Enrolment:
    return Enrolment(urn, from_, to, kind)  # type: ignore[arg-type]


def child(
    marks: dict[int, str],
    *,
    born: date | None = date(2014, 3, 9),
    stays: Sequence[Enrolment] = (stay(),),
    flags: Sequence[Flagged] = (),
) -> ChildRecord:
    """A child with marks at one school."""
    return ChildRecord(PUPIL, born, tuple(stays), tuple(sheets(marks)), flags=tuple(flags))


def said(tick: int | None) -> str | None:
    """A session as the rule book's examples write it."""
    return None if tick is None else f"{day_of(tick).isoformat()} {session_of(tick)}"


# Two years' worth of few days each, so that years, weeks and ages are all crossed within a hundred sessions.
TERM_DAYS = [date(2025, 6, 2) + timedelta(n) for n in range(44) if (date(2025, 6, 2) + timedelta(n)).weekday() < 5] + [
    date(2025, 9, 1) + timedelta(n) for n in range(75) if n % 7 < 4 and n // 7 not in (3, 8)
]
TERM = sessions(TERM_DAYS)
AUTUMN = [tick for tick in TERM if tick >= tick_of(date(2025, 8, 1))]
CODES = ["/", "/", "/", "/", "I", "O", "U", "N", "G", "D", "Y1", "#", "L"]

LEANINGS = [CODES, ["/"], ["O", "/"], ["O", "N"], ["I"], ["L", "U", "/"], ["/", "/", "/", "O"], []]


@st.composite
def marked(draw: st.DrawFn, ticks: Sequence[int]) -> dict[int, str]:
    """Marks for some of the sessions, in stretches that lean to one kind or another."""
    found: dict[int, str] = {}
    at = 0
    while at < len(ticks):
        length = draw(st.integers(1, 25))
        codes = draw(
            st.sampled_from([CODES, ["/"], ["O", "/"], ["O", "N"], ["I"], ["L", "U", "/"], ["/", "/", "/", "O"], []])
        )
        if codes:
            drawn = draw(st.lists(st.sampled_from(codes), min_size=length, max_size=length))
            found |= dict(zip(ticks[at : at + length], drawn, strict=False))
        at += length
    return found


BIRTHS = st.one_of(
    st.just(date(2014, 3, 9)),
    st.none(),
    st.dates(date(2020, 5, 1), date(2020, 12, 1)),
    st.dates(date(2009, 1, 1), date(2010, 3, 1)),
)


@st.composite
def flags(draw: st.DrawFn) -> tuple[Flagged, ...]:
    """Flags of social care and others: none, from ever, from one day to another, or from one on."""
    found: list[Flagged] = []
    for flag in draw(st.sampled_from([[], [], ["CIN"], ["CIN", "CP"], ["CLA", "FSM"]])):
        first, last = sorted(draw(st.tuples(st.sampled_from(TERM_DAYS), st.sampled_from(TERM_DAYS))))
        times = [(0, NEVER), (tick_of(first), tick_of(last, 1)), (tick_of(first), NEVER)]
        found.append(Flagged(flag, *draw(st.sampled_from(times))))
    return tuple(found)


@st.composite
def children(draw: st.DrawFn) -> ChildRecord:
    """A child of one school, or of two that may overlap, under one id or two."""
    first = draw(marked(TERM))
    if draw(st.booleans()):
        return child(first, born=draw(BIRTHS), flags=draw(flags()))
    cut = draw(st.sampled_from(TERM_DAYS))
    stays = [
        stay(URN, date(2025, 1, 1), draw(st.sampled_from([None, cut])), draw(st.sampled_from(["single", "main"]))),
        stay(
            OTHER, draw(st.sampled_from([cut, date(2025, 1, 1)])), None, draw(st.sampled_from(["single", "subsidiary"]))
        ),
    ]
    there = draw(marked(TERM))
    dead = {tick: code for tick, code in draw(marked(TERM)).items() if tick not in first and draw(st.booleans())}
    return ChildRecord(
        PUPIL,
        draw(BIRTHS),
        tuple(stays),
        (*sheets(first), *sheets(there, OTHER), *sheets(dead, URN, DEAD)),
        frozenset(draw(st.sets(st.sampled_from(TERM), max_size=6))),
        draw(flags()),
    )
