"""The JSON of sums over many children."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from common.academic import Session
from pydantic import BaseModel, ConfigDict, Field

from absence_engine.actions.seen import Seen
from absence_engine.api import examples
from absence_engine.api.count_shapes import counts
from absence_engine.api.known_shapes import KnownOut
from absence_engine.domain.counts import Counts, percent
from absence_engine.domain.groups import Key
from absence_engine.domain.policy import Policy
from absence_engine.domain.small import LINES, Hidden
from absence_engine.domain.sums import Divided, Sum


class SumOut(BaseModel):
    """Sums of sessions, and rates from them: never means of rates. `members`: how many have a possible session;
    `persistent`, `severe`: how many of them miss at least a tenth, half of theirs; `bands`: how many are in each band
    of the policy. `days_lost`, `hours_lost`: the absences as days of two sessions, as hours of the policy's sessions.

    Divided by code: `sessions` have it, `members` are those who have one, `percent_of_possible` is its share of the
    group's possible sessions. A number that is too small to be shown is null; `suppressed`: the whole group is.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SUM]})
    possible: int | None
    attended: int | None
    absent: int | None
    authorised: int | None
    unauthorised: int | None
    late_before_close: int | None
    late_after_close: int | None
    absence_percent: str | None
    attendance_percent: str | None
    authorised_percent: str | None
    unauthorised_percent: str | None
    days_lost: str | None
    hours_lost: str | None
    members: int | None
    persistent: int | None = None
    severe: int | None = None
    persistent_percent: str | None = None
    severe_percent: str | None = None
    bands: dict[str, int | None] = {}
    sessions: int | None = None
    percent_of_possible: str | None = None
    suppressed: bool = False


class GrainsOut(BaseModel):
    """Both grains. `enrolments`: each stay with its own school's marks, which compares with DfE's figures. `children`:
    each session of a child once; null on DfE's basis, which knows enrolments only.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"enrolments": examples.SUM, "children": examples.SUM}]})
    enrolments: SumOut
    children: SumOut | None


class GroupOut(GrainsOut):
    """A group: the value of each division, and its sums."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER["items"][0]]})
    group: dict[str, str | int | None]


class SeenCoverageOut(BaseModel):
    """How many sessions of the days asked about should have a register by now, and how many have one."""

    expected_sessions: int
    registers: int


class OldestOut(BaseModel):
    """A school and its latest marked session."""

    school_urn: int
    last_register: str | None


class SeenOut(BaseModel):
    """How far the schools are counted: how many there are, the one whose marks are oldest, those (URN) that judge their
    marks anew at this moment.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SEEN]})
    schools: int
    oldest: OldestOut | None
    recalculating: list[int]


class AnswerOut(KnownOut):
    """Sums over the sessions from `from` to `to`, of all (`total`) and by group."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ANSWER]})
    from_: str = Field(serialization_alias="from")
    to: str
    basis: str
    group_by: list[str]
    policy_version: str
    as_of: str
    total: GrainsOut
    items: list[GroupOut]
    next: str | None
    coverage: SeenCoverageOut
    freshness: SeenOut


def total_of(sums: Mapping[str, Divided], hidden: Mapping[str, Hidden], policy: Policy) -> dict[str, Any]:
    """The fields of GrainsOut, of all."""
    return {
        "enrolments": sum_of(sums["enrolments"].total, hidden["enrolments"].of_total, policy),
        "children": None
        if "children" not in sums
        else sum_of(sums["children"].total, hidden["children"].of_total, policy),
    }


def group_of(
    keys: tuple[Key, ...],
    by: Sequence[str],
    sums: Mapping[str, Divided],
    hidden: Mapping[str, Hidden],
    policy: Policy,
) -> dict[str, Any]:
    """The fields of GroupOut. A group that has nothing in one grain has noughts there."""
    found: dict[str, Any] = {"group": dict(zip(by, keys, strict=True)), "children": None}
    for grain, divided in sums.items():
        one = divided.groups.get(keys)
        if one is None:
            one = Sum((0,) * 6, 0, (0, 0), (0,) * len(policy.bands), 0 if "code" in by else None, 0)
        found[grain] = sum_of(one, hidden[grain].of_groups.get(keys, frozenset()), policy)
    return found


def sum_of(one: Sum, hidden: frozenset[str], policy: Policy) -> dict[str, Any]:
    """The fields of SumOut; `hidden` are the numbers that are not shown."""
    if "members" in hidden:
        numbers = SumOut.model_fields.keys() - {"bands", "sessions", "percent_of_possible", "suppressed"}
        return {**dict.fromkeys(numbers), "bands": {}, "suppressed": True}
    c = Counts(*one.figures)
    found: dict[str, Any] = {
        **counts(c),
        "authorised_percent": percent(c.authorised, c.possible),
        "unauthorised_percent": percent(c.unauthorised, c.possible),
        **lost(c.absent, policy),
        "members": one.members,
    }
    for name, number in zip(LINES, one.over, strict=False):
        found[name] = None if name in hidden else number
        found[f"{name}_percent"] = None if name in hidden else percent(number, one.members)
    found["bands"] = {
        band.name: None if f"bands/{band.name}" in hidden else number
        for band, number in zip(policy.bands, one.bands, strict=False)
    }
    if one.sessions is not None:
        found |= {"sessions": one.sessions, "percent_of_possible": percent(one.sessions, one.of_possible or 0)}
    return found


def lost(absent: int, policy: Policy) -> dict[str, str]:
    """`days_lost` and `hours_lost` of so many absences."""
    hundredths = (absent * policy.minutes_per_session * 100 + 30) // 60
    return {
        "days_lost": f"{absent // 2}.{absent % 2 * 5}",
        "hours_lost": f"{hundredths // 100}.{hundredths % 100:02d}",
    }


def register(session: tuple[date, int] | None) -> str | None:
    """A session as freshness has it: `2025-11-28 PM`."""
    return None if session is None else f"{session[0].isoformat()} {Session(session[1]).name}"


def seen(found: Seen) -> dict[str, Any]:
    """The fields of SeenOut."""
    oldest = found.oldest
    return {
        "schools": len(found.schools),
        "oldest": None
        if oldest is None
        else {"school_urn": oldest.urn, "last_register": register(oldest.last_register)},
        "recalculating": found.recalculating,
    }
