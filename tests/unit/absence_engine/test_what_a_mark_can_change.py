"""The quick answer that a mark leaves the year's spans alone is never wrong."""

from absence_engine.domain.policy import policies
from absence_engine.domain.rates import leaves_spans
from absence_engine.domain.spans import Child, Scope, Span, spans
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.absence_engine.children import AUTUMN, BIRTHS, TERM, URN, calendars, child, marked, sheets

POLICY = policies()[-1]
CALENDARS = calendars({URN: TERM})


def rates(marks: dict[int, str], **more: object) -> list[Span]:
    one = Child.of(child(marks, **more))  # type: ignore[arg-type]
    return spans([one], [Scope(frozenset({2025}), False)], CALENDARS, POLICY)[0]


@given(marked(AUTUMN), st.integers(0, 60), st.integers(1, 4), st.sampled_from(["O/", "/", "I", "DI/"]), BIRTHS)
@settings(max_examples=150, deadline=None)
def test_what_is_said_to_stay_stays(marks: dict[int, str], at: int, n: int, codes: str, born: object) -> None:
    at = min(at, len(AUTUMN) - n)
    before = {tick: code for tick, code in marks.items() if tick < AUTUMN[at] or at % 3 == 0}
    after = before | {tick: codes[m % len(codes)] for m, tick in enumerate(AUTUMN[at : at + n])}
    old, new = sheets(before), sheets(after)
    told, codes_after = (old[0].codes if old else bytes(732)), new[0].codes
    places = [place for place in range(732) if told[place] != codes_after[place]]
    if not places:
        return
    was = rates(before, born=born)
    open_spans = {span.kind: span.firm is not None for span in was if span.ended is None}
    if leaves_spans(told, codes_after, places, open_spans, POLICY):
        assert rates(after, born=born) == was


def test_a_correction_is_never_said_to_stay() -> None:
    before = sheets(dict.fromkeys(AUTUMN[:20], "/"))[0].codes
    after = sheets(dict.fromkeys(AUTUMN[:20], "/") | {AUTUMN[3]: "L"})[0].codes
    assert not leaves_spans(before, after, [place for place in range(732) if before[place] != after[place]], {}, POLICY)


def test_an_ordinary_mark_of_an_ordinary_child_is() -> None:
    before = sheets(dict.fromkeys(AUTUMN[:20], "/"))[0].codes
    after = sheets(dict.fromkeys(AUTUMN[:21], "/"))[0].codes
    assert leaves_spans(before, after, [place for place in range(732) if before[place] != after[place]], {}, POLICY)
