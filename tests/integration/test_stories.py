"""Stories of random schools, small enough for every run (`make prove` tells bigger ones): the engine says of each what
the second implementation says; and a difference is found, and made small.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from audit.policy import policy_files

from tests.prove.engines import Engines
from tests.prove.shrink import shrunk, told
from tests.prove.story import AUTHORITIES, CALENDAR, MARKED, SCHOOL, STAYS, Said, Story, Write, story

SHIPPED: dict[str, Any] = json.loads(policy_files()[-1].read_text(encoding="utf-8"))
PUPIL = "00000000-0000-4000-8000-000000000001"
URN, ELSEWHERE = 100001, 100003
DAY = "2025-09-03"


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def engines(runner: asyncio.Runner, postgres_url: str) -> Iterator[Engines]:
    opened = runner.run(Engines.open(postgres_url, "stories"))
    yield opened
    runner.run(opened.close())


Coded = tuple[str, str, str | None]
"""A mark: day, half, code."""


def school(urn: int, days: list[str]) -> list[Said]:
    """A school that is open on some days, and has one child."""
    said = {"urn": urn, "name": "A", "la_code": AUTHORITIES[urn], "laestab": "3301", "phase": "primary"}
    opened = [{"date": day, "sessions": ["AM", "PM"]} for day in days]
    stay = {"from": "2025-09-01", "to": None, "kind": "single"}
    return [
        (SCHOOL, said),
        (CALENDAR, {"academic_year": "2025-26", "days": opened}),
        (STAYS, {"pupils": [{"pupil_id": PUPIL, "enrolments": [stay]}]}),
    ]


def marked(urn: int, marks: list[Coded]) -> Write:
    """Marks of the child at a school."""
    entries: list[Said] = [
        (MARKED, {"date": day, "session": half, "marks": [{"pupil_id": PUPIL, "code": code}]})
        for day, half, code in marks
    ]
    return Write(urn, entries)


@pytest.mark.parametrize("seed", range(4))
def test_a_story_comes_to_what_the_second_implementation_says(
    engines: Engines, runner: asyncio.Runner, seed: int
) -> None:
    drawn = story(seed, SHIPPED, pupils_each=4, weeks=45)
    assert drawn.marks > 1000
    assert runner.run(engines.differences(drawn, "any")) == ""


def test_a_mark_may_be_corrected_as_often_as_a_school_likes(engines: Engines, runner: asyncio.Runner) -> None:
    """What stood before is kept with the sheet: a thousand corrections of one are more than fit on a page."""
    again = [marked(URN, [(DAY, "AM", "O" if number % 2 else "I")]) for number in range(1500)]
    told_again = Story(0, SHIPPED, {}, [Write(URN, school(URN, [DAY])), *again])
    assert runner.run(engines.differences(told_again, "whole")) == ""


def test_a_child_who_is_marked_in_another_authority_is_judged_anew_by_its_policy(
    engines: Engines, runner: asyncio.Runner
) -> None:
    """Also where its episodes are the same by both: each names the policy that it was judged by."""
    own = {**SHIPPED, "version": "own-1"}
    days = [f"2025-09-{day:02d}" for day in range(1, 6)]
    there: list[Coded] = [(day, half, "O") for day in days[:4] for half in ("AM", "PM")]
    writes = [
        *(Write(urn, school(urn, days)) for urn in (URN, ELSEWHERE)),
        marked(ELSEWHERE, there),
        marked(URN, [(days[4], "AM", "/")]),
        marked(URN, [(days[4], "AM", None)]),
    ]
    for until in (4, 5):
        told_so_far = Story(0, SHIPPED, {AUTHORITIES[ELSEWHERE]: [own]}, writes[:until])
        assert runner.run(engines.differences(told_so_far, "writes", 1)) == ""


def test_a_difference_is_made_small_and_can_be_told_again(
    engines: Engines, runner: asyncio.Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One in ten is taken for more than one in ten, which both would have to say."""
    monkeypatch.setattr(
        "audit.episodes.reaches", lambda absent, possible, part, of, strict: absent * of > possible * part
    )
    drawn = story(0, SHIPPED, pupils_each=3, weeks=12)
    assert runner.run(told(engines, drawn, "any"))
    small, how, found = runner.run(shrunk(engines, drawn, 20))
    assert how == "whole"
    assert "PA" in found or "SA" in found
    assert small.marks < drawn.marks / 10
    small.save(tmp_path / "story.json", delivered=how)
    assert runner.run(told(engines, Story.load(tmp_path / "story.json"), how)) == found
    monkeypatch.undo()
    assert runner.run(told(engines, small, how)) == ""
    assert replace(small, writes=[]) == small.only([])
