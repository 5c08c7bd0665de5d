"""The sessions behind an episode are kept as a short text, and come back as they were."""

from datetime import date

from absence_engine.store.episodes import packed, unpacked
from common.codes import code_table
from common.events.absence_engine import CountedSession
from hypothesis import given
from hypothesis import strategies as st

SESSIONS = st.lists(
    st.builds(
        CountedSession,
        st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(date.isoformat),
        st.sampled_from(["AM", "PM"]),
        st.sampled_from(sorted(code_table())),
        st.integers(1, 999999),
    ),
    unique_by=lambda one: (one.date, one.session),
).map(sorted)


@given(SESSIONS)
def test_sessions_come_back_as_they_were(sessions: list[CountedSession]) -> None:
    assert unpacked(packed(sessions)) == sessions


def test_a_school_is_said_once_and_a_session_by_its_distance() -> None:
    sessions = [CountedSession(f"2025-09-{day:02}", "PM", "O", 100001) for day in (2, 3, 8)]
    words = packed(sessions).split()
    assert words[0] == "@100001"
    assert words[2:] == ["2O", "10O"]
