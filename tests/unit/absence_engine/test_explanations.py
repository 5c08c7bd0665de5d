"""What the sentence of an episode says."""

import pytest
from absence_engine.domain.explain import explain
from absence_engine.domain.penalty import PENALTY
from absence_engine.domain.policy import policies
from absence_engine.domain.spans import Child, Scope, spans

from tests.unit.absence_engine.children import AUTUMN, URN, calendars, child

POLICY = policies()[-1]
CALENDARS = calendars({URN: AUTUMN})


@pytest.mark.parametrize(("codes", "unknown"), [("O" * 10, 0), ("O" * 9 + "N", 1), ("O" * 9 + "NO", 1)])
def test_a_reason_that_is_not_known_yet_is_told_firm_or_not(codes: str, unknown: int) -> None:
    marked = Child.of(child(dict(zip(AUTUMN, codes, strict=False))))
    ((*_, span),) = spans([marked], [Scope.whole(marked)], CALENDARS, POLICY)
    assert span.kind == PENALTY
    sentence = explain(marked, span, CALENDARS, POLICY).sentence
    assert ("The reason for 1 of them is not yet known." in sentence) == bool(unknown)
