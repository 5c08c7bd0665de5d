"""What explains an episode is kept in few bytes, and comes back as it was."""

from datetime import date
from hashlib import sha256
from importlib.resources import files

import msgspec
from absence_engine.store.explanations import of_before, pack, packed, unpack, unpacked
from common.codes import code_table
from common.events.absence_engine import CountedSession, Explanation, SchoolSequence
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


@given(SESSIONS, st.text(max_size=50), st.dictionaries(st.text(), st.integers(0, 2**40) | st.text(), max_size=3))
def test_an_explanation_comes_back_as_it_was(
    sessions: list[CountedSession], sentence: str, formula: dict[str, int | str]
) -> None:
    told = Explanation(
        sentence=sentence,
        sessions=sessions,
        school_weeks=["2025-09-01"],
        formula=formula,
        policy_version="330-2026.1",
        hash="ab" * 32,
    )
    sequence = [SchoolSequence(100001, 12), SchoolSequence(100002, 2**40)]
    assert unpack(pack(told, sequence), told.hash) == (told, sequence)
    before = msgspec.json.encode(told).decode(), msgspec.json.encode(sequence).decode()
    assert of_before(*before) == (told, sequence)


def test_the_text_that_explanations_are_deflated_against_is_never_changed() -> None:
    text = files("absence_engine").joinpath("store/explanation.txt").read_bytes()
    assert sha256(text).hexdigest() == "a3e8dceecc5e09f25069d5a0c73f9380b1ff19775b40c5399139006d720b67ab"
