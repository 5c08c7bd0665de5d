"""Who may see what: reach, agreements, and the gate that asks for them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from common.access.caller import Caller
from common.access.consumers import Consumer, admit
from common.access.gate import Gate
from common.access.reach import EVERYTHING, Reach
from common.errors import AgreementError, InvalidError, NotFoundError, PurposeError

TODAY = date(2025, 9, 15)
SCOPES = frozenset({"totals:read", "pupils:read"})
AGREED = Consumer("elm", "Elm", ("returns", "early-help"), date(2025, 9, 1), date(2026, 8, 31), SCOPES)
CALLER = Caller("elm", SCOPES | {"registers:write"}, EVERYTHING, "elm")


class Known:
    """Agreements that a test changes."""

    def __init__(self, *consumers: Consumer) -> None:
        self.turn = 0
        self.known = {one.client_id: one for one in consumers}
        self.asked = 0

    def find(self, client_id: str) -> Consumer | None:
        self.asked += 1
        return self.known.get(client_id)


def gate(*consumers: Consumer, **more: Any) -> Gate:
    return Gate(Known(*consumers), lambda: TODAY, **more)


def test_who_is_limited_to_nothing_sees_every_school() -> None:
    assert EVERYTHING.may_see_school(1)
    assert EVERYTHING.covers([1, 2])
    assert EVERYTHING.meets([])
    assert EVERYTHING.restrict([1, 2]) == {1, 2}
    EVERYTHING.check_school(1)


def test_who_is_limited_to_schools_sees_no_other() -> None:
    reach = Reach(frozenset({1, 2}))
    assert reach.may_see_school(1)
    assert not reach.may_see_school(3)
    assert reach.covers([1, 2])
    assert not reach.covers([1, 3])
    assert reach.meets([2, 3])
    assert not reach.meets([3])
    assert not reach.meets([])
    assert reach.restrict([1, 3]) == {1}
    with pytest.raises(NotFoundError):
        reach.check_school(3)


def test_who_is_limited_to_no_school_sees_none() -> None:
    assert not Reach(frozenset()).may_see_school(1)


def test_a_child_is_there_by_its_school_and_its_cohort_both() -> None:
    reach = Reach(frozenset({1}), frozenset({"CLA", "CP"}))
    assert reach.may_see_child([1, 9], ["FSM", "CLA"])
    assert not reach.may_see_child([9], ["CLA"])
    assert not reach.may_see_child([1], ["FSM"])
    assert not reach.may_see_child([1])


def test_an_agreement_never_opens_more_than_the_token() -> None:
    token = Reach(frozenset({1, 2}))
    agreed = replace(AGREED, reach=Reach(frozenset({2, 3}), frozenset({"CLA"})))
    caller = admit(replace(CALLER, reach=token), agreed, TODAY, None)
    assert caller.reach == Reach(frozenset({2}), frozenset({"CLA"}))
    assert caller.scopes == SCOPES
    assert caller.token_reach == token


@pytest.mark.parametrize("today", [date(2025, 8, 31), date(2026, 9, 1)])
def test_an_agreement_opens_nothing_before_and_after_its_days(today: date) -> None:
    with pytest.raises(AgreementError):
        admit(CALLER, AGREED, today, None)


@pytest.mark.parametrize("today", [date(2025, 9, 1), date(2026, 8, 31)])
def test_an_agreement_holds_on_its_first_and_its_last_day(today: date) -> None:
    assert admit(CALLER, AGREED, today, None).scopes == SCOPES


def test_an_agreement_that_was_ended_opens_nothing() -> None:
    with pytest.raises(AgreementError):
        admit(CALLER, replace(AGREED, revoked_at=datetime(2025, 9, 2, tzinfo=UTC)), TODAY, None)


def test_the_first_purpose_is_meant_unless_another_is_named() -> None:
    assert admit(CALLER, AGREED, TODAY, None).purpose == "returns"
    assert admit(CALLER, AGREED, TODAY, "early-help").purpose == "early-help"
    with pytest.raises(PurposeError):
        admit(CALLER, AGREED, TODAY, "research")


def test_a_client_without_an_agreement_is_what_its_token_says_where_none_is_required() -> None:
    assert gate().admit(CALLER, "returns") == replace(CALLER, purpose="returns")


def test_a_purpose_is_a_word() -> None:
    with pytest.raises(InvalidError):
        gate().admit(CALLER, "To see what there is!")


def test_a_client_without_an_agreement_gets_nowhere_where_one_is_required() -> None:
    with pytest.raises(AgreementError):
        gate(required=True).admit(CALLER, None)


def test_the_services_own_client_needs_no_agreement() -> None:
    assert gate(required=True, exempt="elm").admit(CALLER, None).scopes == CALLER.scopes


def test_who_has_no_client_is_not_the_services_own() -> None:
    with pytest.raises(AgreementError):
        gate(required=True, exempt=None).admit(replace(CALLER, client_id=""), None)


def test_an_administrator_without_an_agreement_can_make_the_first_and_nothing_else() -> None:
    admin = replace(CALLER, scopes=SCOPES | {"admin"})
    assert gate(required=True).admit(admin, None).scopes == {"admin"}


def test_a_decision_is_remembered_until_an_agreement_changes() -> None:
    known = Known(AGREED)
    asked = Gate(known, lambda: TODAY)
    first = asked.admit(CALLER, None)
    assert asked.admit(CALLER, None) is first
    assert known.asked == 1
    known.known["elm"] = replace(AGREED, scopes=frozenset({"totals:read"}))
    known.turn += 1
    assert asked.admit(CALLER, None).scopes == {"totals:read"}


def test_a_decision_is_remembered_until_the_date_changes() -> None:
    days = [TODAY, date(2026, 9, 1)]
    asked = Gate(Known(AGREED), lambda: days[0])
    assert asked.admit(CALLER, None)
    del days[0]
    with pytest.raises(AgreementError):
        asked.admit(CALLER, None)
