"""Random children for hypothesis: two schools, calendars with holidays, changes of roll, two ids, ages, flags, the
year's edge.

Long stretches come from short patterns that repeat, so that a counterexample shrinks to something a person can read.
"""

from datetime import date, timedelta
from itertools import cycle, islice

from audit.child import Child, Enrolment, FlagSpan, Kind, Mark, Session
from hypothesis import strategies as st

LIVING, DEAD = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000000"
FIRST, SECOND = 100001, 100002
STARTS = [date(2025, 9, 1), date(2025, 11, 3), date(2026, 5, 4), date(2026, 6, 29)]
"""Mondays: an autumn, and weeks that run into the end of compulsory age and over the edge of the year."""

WEEKS: list[list[tuple[int, str]]] = [
    [(day, half) for day in range(5) for half in ("AM", "PM")],
    [],
    [(0, "AM"), (0, "PM")],
    [(day, "AM") for day in range(5)],
    [(4, "PM"), (5, "AM"), (6, "PM")],
]
"""Kinds of weeks, as open sessions: full, holiday, one day, mornings only, one that ends on Sunday."""

KINDS: list[Kind] = ["single", "main", "subsidiary", "guest"]
CODES = ["/", "O", "N", "G", "U", "I", "L", "D", "X", "#", "Y4", None]

calendars = st.tuples(
    st.lists(st.sampled_from(range(len(WEEKS))), min_size=1, max_size=6),
    st.integers(min_value=4, max_value=60),
)
patterns = st.lists(
    st.tuples(st.sampled_from(CODES), st.integers(min_value=1, max_value=12))
    | st.tuples(st.just("/"), st.integers(min_value=10, max_value=100)),
    min_size=1,
    max_size=8,
)
stays = st.lists(
    st.tuples(
        st.integers(min_value=-1, max_value=6),
        st.none() | st.integers(min_value=0, max_value=45),
        st.sampled_from(KINDS),
    ),
    min_size=1,
    max_size=3,
)


def open_sessions(start: date, pattern: list[int], weeks: int) -> list[Session]:
    """A calendar: the same few kinds of weeks again and again."""
    return [
        (start + timedelta(weeks=week, days=day), half)
        for week, kind in enumerate(islice(cycle(pattern), weeks))
        for day, half in WEEKS[kind]
    ]


def enrolments_of(urn: int, start: date, rows: list[tuple[int, int | None, Kind]]) -> list[Enrolment]:
    """Stays that follow one another, in weeks from the start; a stay that another follows has an end."""
    found: list[Enrolment] = []
    begin = start
    for number, (gap, length, kind) in enumerate(rows):
        begin += timedelta(weeks=max(gap, 0), days=0 if gap < 0 else 1)
        last = number == len(rows) - 1
        to = None if length is None and last else begin + timedelta(weeks=length or 0, days=2)
        found.append(Enrolment(urn, begin, to, kind))
        begin = begin + timedelta(weeks=length or 0, days=3)
    return found


@st.composite
def children(draw: st.DrawFn) -> Child:
    """A child whose marks are all allowed: open sessions within an enrolment. At one school they may be under two
    ids.
    """
    marks: list[Mark] = []
    enrolments: list[Enrolment] = []
    opened: dict[int, set[Session]] = {}
    start = draw(st.sampled_from(STARTS))
    for urn in (FIRST, SECOND)[: draw(st.integers(min_value=1, max_value=2))]:
        pattern, weeks = draw(calendars)
        sessions = open_sessions(start, pattern, weeks)
        own = enrolments_of(urn, start, draw(stays))
        codes = cycle(code for code, length in draw(patterns) for _ in range(length))
        changes_id = draw(st.none() | st.integers(min_value=0, max_value=100))
        for number, (day, half) in enumerate(sessions):
            code = next(codes)
            if code is not None and any(stay.covers(day) for stay in own):
                marks.append(Mark(day, half, code, urn, DEAD if changes_id and number < changes_id else LIVING))
        enrolments += own
        opened[urn] = set(sessions)
    said = frozenset(draw(spent(marks)))
    return Child(LIVING, marks, enrolments, opened, draw(births()), said, draw(flags), draw(flag_spans(start)))


flags = st.frozensets(st.sampled_from(["CIN", "CP", "CLA", "FSM"]), max_size=2)


@st.composite
def flag_spans(draw: st.DrawFn, start: date) -> tuple[FlagSpan, ...]:
    """What is said of a child for a time: some of it for a day, some until further notice, some of one flag twice."""
    said: list[FlagSpan] = []
    for flag in draw(st.lists(st.sampled_from(["CIN", "CP", "CLA", "YOUTH_JUSTICE", "FSM"]), max_size=3)):
        first = start + timedelta(days=draw(st.integers(min_value=-10, max_value=60)))
        length = draw(st.none() | st.integers(min_value=0, max_value=40))
        said.append(FlagSpan(flag, first, None if length is None else first + timedelta(days=length)))
    return tuple(said)


def births() -> st.SearchStrategy[date | None]:
    """Some at school age throughout, some whose compulsory age begins or ends among the marks."""
    near_five = st.dates(min_value=date(2020, 7, 1), max_value=date(2021, 9, 30))
    near_sixteen = st.dates(min_value=date(2009, 6, 1), max_value=date(2011, 9, 30))
    return st.none() | st.just(date(2014, 3, 9)) | near_five | near_sixteen


def spent(marks: list[Mark]) -> st.SearchStrategy[set[Session]]:
    """Some sessions that an issued notice has used up."""
    if not marks:
        return st.just(set())
    return st.just(set()) | st.sets(st.sampled_from([mark.session for mark in marks]), max_size=12)
