"""What two schools of an authority may do, at random and in any order, each step a request to the running product.

Every example has schools and children of its own, so that one product serves them all. Refusals that the contract
knows are taken as they are; any other answer but a good one fails the step. `sent` keeps every mark that was
acknowledged, `notices` what each parent's notice says.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.e2e import school
from tests.e2e.product import eventually
from tests.e2e.sequences.judge import Judge, Sent

TODAY = date(2026, 9, 21)
DAYS = [day for day in (date(2026, 6, 8) + timedelta(n) for n in range(32)) if day.weekday() < 5] + [
    date(2026, 9, day) for day in (2, 3, 7, 8, 10, 14, 15, 21, 22)
]
"""Days of ten weeks, on both sides of a year's edge; the last one is after TODAY."""
SESSIONS = [(day.isoformat(), half) for day in DAYS for half in ("AM", "PM")]
SUMMER = 48
"""How many of SESSIONS lie in the first year."""
PUPILS = ("1", "2", "3", "4")
PARENTS = [school.contact("c1", name="Robin Parent"), school.contact("c2", name="Kim Other", do_not_contact=True)]

_examples = itertools.count()

schools = st.sampled_from([0, 1])
pupils = st.sampled_from(PUPILS)
versions = st.none() | st.integers(1, 4)
places = st.integers(0, len(SESSIONS) - 1)
starts = st.sampled_from([-1, -1, *range(0, len(DAYS), 3)])
kinds = st.sampled_from(["single", "main", "subsidiary", "guest"])
groups = st.sampled_from([None, 6, 6, 7])
births = st.sampled_from([None, "2014-03-09", "2021-09-01", "2010-08-31"])
codes = st.lists(
    st.sampled_from(["/", "/", "O", "O", "N", "G", "I", "D", "L", "", "-", "H", "QQ", None]), min_size=1, max_size=5
)
"""A pattern that repeats; None leaves a pupil out."""
open_halves = st.lists(st.booleans(), min_size=1, max_size=4)
children = st.tuples(schools, pupils)
"""By the school and its local id: whoever that is when it is asked."""
givers = st.sampled_from([{"name": "Grandmother", "relation": "grandmother"}, {"local_id": "c1"}, {"local_id": "c2"}])
suggested = st.sampled_from([None, "I", "M"])
which = st.integers(0, 7)
REFUSED = (httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.CONFLICT)
SAID = {"reason": "Two records of one child", "by": "J. Field, data manager"}
terms = st.tuples(
    st.integers(36, len(SESSIONS)),
    st.lists(st.sampled_from(["/", "/", "/", "O", "N", "G", "I", None]), min_size=2, max_size=9),
)
"""How many sessions a school has marked before anything else happens, and with which codes."""


def notice(place: int, length: int | None, giver: Mapping[str, str], code: str | None) -> dict[str, Any]:
    """What a parent tells, from a session on, until some sessions later or nobody knows when."""
    day, half = SESSIONS[place]
    to, to_half = (None, None) if length is None else SESSIONS[min(place + length, len(SESSIONS) - 1)]
    return {
        "given_by": giver, "channel": "telephone", "given_at": "2026-06-08T08:41:00+01:00", "from": day,
        "from_session": half, "to": to, "to_session": to_half, "reason": "A temperature", "suggested_code": code,
    }  # fmt: skip


def named(at: int, pupil: str) -> str:
    """A school's local id for a pupil. No two schools share one, so that each may take over the other."""
    return pupil + "ab"[at]


def local_ids(at: int) -> list[str]:
    return [named(at, pupil) for pupil in PUPILS]


class Schools(RuleBasedStateMachine):
    """Two schools, and whatever they send."""

    def __init__(self, client: httpx.Client, judge: Judge) -> None:
        super().__init__()
        self.client, self.judge = client, judge
        number = next(_examples)
        self.urns = [100001 + 2 * number, 100002 + 2 * number]
        self.upns = [school.upn(3 * number), school.upn(3 * number + 1), school.temporary_upn(number)]
        self.sent: list[Sent] = []
        self.notices: dict[str, dict[str, Any]] = {}
        self.begun = False

    # -- the beginning ------------------------------------------------------------------------------------------------

    @initialize(first=terms, second=terms)
    def two_schools_with_a_term_behind_them(
        self, first: tuple[int, list[str | None]], second: tuple[int, list[str | None]]
    ) -> None:
        """Pupil 3 is one child at both schools, under a temporary UPN; others may turn out to be one child."""
        upns = {"1a": self.upns[0], "3a": self.upns[2], "3b": self.upns[2]}
        for at, urn in enumerate(self.urns):
            school.put_school(self.client, urn)
            school.put_calendar(self.client, urn, [day.isoformat() for day in DAYS])
            rows = [school.pupil(name, upn=upns.get(name), contacts=PARENTS) for name in local_ids(at)[:3]]
            self.put_roll(at, rows)
        for at, (length, pattern) in enumerate([first, second]):
            self.put_registers(at, 0, length, None, pattern)
        self.begun = True

    # -- what schools do ----------------------------------------------------------------------------------------------

    @rule(at=schools, pattern=open_halves)
    def the_calendar_changes(self, at: int, pattern: Sequence[bool]) -> None:
        self.put_calendar(at, pattern)

    @rule(at=schools)
    def the_school_is_open_after_all(self, at: int) -> None:
        self.put_calendar(at, [True])

    @rule(at=schools, pattern=open_halves, group=st.sampled_from([6, 7]))
    def some_days_are_for_one_year_group_alone(self, at: int, pattern: Sequence[bool], group: int) -> None:
        self.put_calendar(at, pattern, group)

    @rule(at=schools, opened=st.none() | st.sampled_from(DAYS[:8]), closed=st.none() | st.sampled_from(DAYS[12:]),
          moved=st.none() | st.sampled_from(DAYS))  # fmt: skip
    def a_school_opens_closes_or_moves(
        self, at: int, opened: date | None, closed: date | None, moved: date | None
    ) -> None:
        """To another authority, or back; the day on which it opens or closes may turn out to be none."""
        first, last = opened and opened.isoformat(), closed and closed.isoformat()
        authority = {} if moved is None else {"la_code": "331", "la_from": moved.isoformat()}
        school.put_school(self.client, self.urns[at], opened_on=first, closed_on=last, **authority)

    @rule(at=schools, on=st.sampled_from(DAYS))
    def the_other_school_takes_over(self, at: int, on: date) -> None:
        """Refused where it has closed otherwise, the day is to come, or a local id means two children."""
        body = {"successor_urn": self.urns[1 - at], "on": on.isoformat()}
        answer = self.client.post(f"/v1/schools/{self.urns[at]}/conversion", json=body)
        if answer.status_code not in REFUSED:
            school.ok(answer)

    @rule(at=schools, local_id=pupils, upn=st.none() | st.integers(0, 2), first=starts,
          length=st.none() | st.integers(0, 80), kind=kinds, born=births, group=groups)  # fmt: skip
    def a_child_joins_leaves_or_was_never_here(
        self, at: int, local_id: str, upn: int | None, first: int, length: int | None, kind: str, born: str | None,
        group: int | None,
    ) -> None:  # fmt: skip
        self.put_roll(at, [self.row(at, local_id, upn, first, length, kind, born) | {"year_group": group}])

    @rule(child=children, flag=st.sampled_from(["CIN", "EHCP", "FSM"]), first=st.sampled_from(DAYS),
          length=st.none() | st.integers(0, 30))  # fmt: skip
    def something_is_said_of_a_child(self, child: tuple[int, str], flag: str, first: date, length: int | None) -> None:
        pupil_id = self.find(child)
        if pupil_id is not None:
            to = None if length is None else (first + timedelta(length)).isoformat()
            body = {"flags": [{"flag": flag, "from": first.isoformat(), "to": to, "source": "social-care"}]}
            school.ok(self.client.put(f"/v1/pupils/{pupil_id}/flags", json=body))

    @rule(named=st.sampled_from([(0, "2", 0), (1, "1", 0), (0, "3", 1), (1, "3", 1), (1, "2", 1)]), kind=kinds)
    def a_upn_arrives(self, named: tuple[int, str, int], kind: str) -> None:
        """That of another child, so that two become one, or a child's first permanent one."""
        at, local_id, upn = named
        self.put_roll(at, [self.row(at, local_id, upn, -1, None, kind, None)])

    @rule(at=schools, listed=st.sets(pupils, min_size=1), on=st.sampled_from(DAYS))
    def whoever_is_not_listed_has_left(self, at: int, listed: set[str], on: date) -> None:
        rows = [self.row(at, local_id, None, -1, None, "single", None) for local_id in sorted(listed)]
        self.put_roll(at, rows, complete=True, as_at=on.isoformat())

    @rule(at=schools, first=places, length=st.integers(1, 8), version=versions, pattern=codes, by_upn=st.booleans())
    def registers_come(
        self, at: int, first: int, length: int, version: int | None, pattern: Sequence[str | None], by_upn: bool
    ) -> None:
        self.put_registers(at, first, length, version, pattern, by_upn=by_upn)

    @rule(at=schools, first=places, length=st.integers(1, 8), version=versions, pattern=codes)
    def many_registers_come_at_once(
        self, at: int, first: int, length: int, version: int | None, pattern: Sequence[str | None]
    ) -> None:
        registers = [
            {"school_urn": self.urns[at], "date": day, "session": half, "source_version": version,
             "marks": self.marks(at, place, pattern)}
            for place, (day, half) in list(enumerate(SESSIONS))[first : first + length]
        ]  # fmt: skip
        body = "".join(json.dumps(register) + "\n" for register in registers)
        headers = {"content-type": "application/x-ndjson"}
        job = school.ok(self.client.post("/v1/register-batches", content=body, headers=headers))["links"]
        done = eventually(lambda: [one for one in [school.ok(self.client.get(job["self"]))] if one["ended_at"]])[0]
        assert done["state"] == "done", done
        results = [json.loads(line) for line in self.client.get(job["results"]).text.splitlines()]
        sent = [(r["date"], r["session"], m["code"]) for r in registers for m in r["marks"]]
        told = [(r["date"], r["session"], r["code"]) for r in results if r["status"] != "rejected"]
        rejected = [r for r in results if r["status"] == "rejected"]
        assert rejected or sorted(told) == sorted(sent), results
        self.sent += [Sent(self.urns[at], *mark, "batch", ("job", done["job_id"])) for mark in told]

    @rule(at=schools, place=places, local_id=pupils, code=st.sampled_from(["/", "O", "G", "N", "I", "M"]),
          why=st.none() | st.just("Telephoned"))  # fmt: skip
    def a_mark_is_amended(self, at: int, place: int, local_id: str, code: str, why: str | None) -> None:
        details = {"reason": why, "amended_by": why and "J. Field, office"}
        self.put_marks(at, place, [{"local_id": named(at, local_id), "code": code, **details}], None)

    @rule(at=schools, place=places, local_id=pupils, version=versions)
    def a_mark_is_taken_back(self, at: int, place: int, local_id: str, version: int | None) -> None:
        pupil_id = self.find((at, local_id))
        if pupil_id is None:
            return
        day, half = SESSIONS[place]
        path = f"/v1/schools/{self.urns[at]}/registers/{day}/{half}/marks/{pupil_id}"
        answer = self.client.delete(path, params={} if version is None else {"source_version": version})
        if answer.status_code != httpx.codes.NOT_FOUND:  # there was nothing to take back
            assert school.ok(answer)["status"] in ("deleted", "stale")

    # -- what parents tell ---------------------------------------------------------------------------------------------

    @rule(child=children, place=places, length=st.none() | st.integers(0, 12), giver=givers, code=suggested)
    def a_parent_tells_of_an_absence(
        self, child: tuple[int, str], place: int, length: int | None, giver: Mapping[str, str], code: str | None
    ) -> None:
        """Refused where the school has no such pupil or contact; the same words again are the same notice."""
        at, local_id = child
        body = {"local_id": named(at, local_id), **notice(place, length, giver, code)}
        answer = self.client.post(f"/v1/schools/{self.urns[at]}/absence-notices", json=body)
        if answer.status_code not in REFUSED:
            self.note(school.ok(answer))

    @rule(which=which, place=places, length=st.none() | st.integers(0, 12), giver=givers, code=suggested)
    def a_notice_is_corrected(
        self, which: int, place: int, length: int | None, giver: Mapping[str, str], code: str | None
    ) -> None:
        if path := self.path_of_notice(which):
            answer = self.client.put(path, json={**notice(place, length, giver, code), "why": "Misheard"})
            if answer.status_code not in REFUSED:
                self.note(school.ok(answer))

    @rule(which=which)
    def a_notice_is_withdrawn(self, which: int) -> None:
        if path := self.path_of_notice(which):
            self.note(school.ok(self.client.post(f"{path}/withdrawal", json={"why": "Another child"})))

    def path_of_notice(self, which: int) -> str | None:
        if not self.notices:
            return None
        one = list(self.notices.values())[which % len(self.notices)]
        return f"/v1/schools/{one['school_urn']}/absence-notices/{one['notice_id']}"

    def note(self, answer: dict[str, Any]) -> None:
        """Keeps what a notice says now."""
        self.notices[answer["notice_id"]] = answer

    # -- who is who ---------------------------------------------------------------------------------------------------

    @rule(one=children, other=children)
    def two_ids_turn_out_to_be_one_child(self, one: tuple[int, str], other: tuple[int, str]) -> None:
        dies, survives = self.find(one), self.find(other)
        if dies is not None and survives is not None and dies != survives:
            school.ok(self.client.post(f"/v1/pupils/{dies}/merge", json={"into": survives, **SAID}))

    @rule(child=children, which=which)
    def a_merge_turns_out_to_be_wrong(self, child: tuple[int, str], which: int) -> None:
        """Any that ever was: one that was undone already, or whose child has died since, is refused."""
        pupil_id = self.find(child)
        if pupil_id is None:
            return
        merges = [one for one in self.judge.items(f"/v1/pupils/{pupil_id}/identity-changes") if one["kind"] == "merge"]
        if merges:
            self.split(pupil_id, {"restore": merges[which % len(merges)]["other"]})

    @rule(child=children, at=schools, upn=st.none() | st.integers(0, 2), first=st.none() | st.sampled_from(DAYS))
    def what_a_school_says_is_said_of_another_child(
        self, child: tuple[int, str], at: int, upn: int | None, first: date | None
    ) -> None:
        pupil_id = self.find(child)
        if pupil_id is not None:
            part = {"school_urn": self.urns[at], "from": first and first.isoformat()}
            self.split(pupil_id, {"schools": [part], "upn": None if upn is None else self.upns[upn]})

    def split(self, pupil_id: str, what: Mapping[str, Any]) -> None:
        answer = self.client.post(f"/v1/pupils/{pupil_id}/split", json={**what, **SAID})
        if answer.status_code not in REFUSED:
            school.ok(answer)

    def find(self, child: tuple[int, str]) -> str | None:
        """Whom a school means by a local id; None for nobody."""
        at, local_id = child
        sought = {"school_urn": self.urns[at], "local_id": named(at, local_id)}
        answer = self.client.post("/v1/pupils/lookup", json=sought)
        return None if answer.status_code == httpx.codes.NOT_FOUND else str(school.ok(answer)["pupil_id"])

    # -- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """However it came about: nothing is lost, and two implementations say the same of all of it."""
        if not self.begun:
            return
        found = self.judge.judge(self.urns, self.sent, list(self.notices.values()))
        assert not found, "\n".join(found)

    # -- requests -----------------------------------------------------------------------------------------------------

    def row(
        self, at: int, local_id: str, upn: int | None, first: int, length: int | None, kind: str, born: str | None
    ) -> dict[str, Any]:
        """A row of a roll, from one of DAYS on, or from long before."""
        start = date(2025, 9, 1) if first < 0 else DAYS[first]
        to = None if length is None else (start + timedelta(length)).isoformat()
        number = None if upn is None else self.upns[upn]
        stay = {"from": start.isoformat(), "to": to, "kind": kind}
        return school.pupil(named(at, local_id), upn=number, date_of_birth=born, enrolment=stay, contacts=PARENTS)

    def put_roll(self, at: int, rows: Sequence[Mapping[str, Any]], **more: Any) -> None:
        body = {"pupils": list(rows), "complete": False, **more}
        school.ok(self.client.put(f"/v1/schools/{self.urns[at]}/roll", json=body))

    def put_calendar(self, at: int, pattern: Sequence[bool], group: int | None = None) -> None:
        """The sessions of DAYS, as a pattern that repeats; with `group`, every third day is open for it alone."""
        years: dict[str, dict[str, list[str]]] = {"2025-26": {}, "2026-27": {}}
        for place, (day, half) in enumerate(SESSIONS):
            if pattern[place % len(pattern)]:
                years["2025-26" if place < SUMMER else "2026-27"].setdefault(day, []).append(half)
        for year, days in years.items():
            listed: list[dict[str, Any]] = [{"date": day, "sessions": halves} for day, halves in days.items()]
            if group is not None:
                for one in listed[::3]:
                    one["year_groups"] = [group]
            body = {"days": listed}
            school.ok(self.client.put(f"/v1/schools/{self.urns[at]}/calendars/{year}", json=body))

    def put_registers(
        self, at: int, first: int, length: int, version: int | None, pattern: Sequence[str | None], by_upn: bool = False
    ) -> None:
        """Registers of sessions in a row; a key may be one that the school does not know."""
        for place in range(first, min(first + length, len(SESSIONS))):
            self.put_marks(at, place, self.marks(at, place, pattern, by_upn), version)

    def marks(self, at: int, place: int, pattern: Sequence[str | None], by_upn: bool = False) -> list[dict[str, str]]:
        keys = [("upn", upn) for upn in self.upns] if by_upn else [("local_id", name) for name in local_ids(at)]
        return [
            {kind: key, "code": code}
            for number, (kind, key) in enumerate(keys)
            if (code := pattern[(place + number) % len(pattern)]) is not None
        ]

    def put_marks(self, at: int, place: int, marks: Sequence[Mapping[str, Any]], version: int | None) -> None:
        """One register; it is refused whole when two of its keys mean one child."""
        (day, half), urn = SESSIONS[place], self.urns[at]
        body = {"marks": list(marks), "source_version": version}
        answer = self.client.put(f"/v1/schools/{urn}/registers/{day}/{half}", json=body)
        if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
            assert {error["code"] for error in answer.json()["errors"]} == {"duplicate-pupil"}, answer.text
            return
        for mark, told in zip(marks, school.ok(answer)["marks"], strict=True):
            kind = "local_id" if "local_id" in mark else "upn"
            self.sent.append(Sent(urn, day, half, mark["code"], told["status"], (kind, mark[kind])))
