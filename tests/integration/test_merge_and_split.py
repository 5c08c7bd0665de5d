"""A merge that is undone leaves no trace but its history: marks, roll, figures and episodes are what they were.

Whatever schools did before; two children are made one, the engine hears of it, and then they are two again.
"""

import asyncio
from pprint import pformat
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.integration.authority import (
    FIRST,
    PUPILS,
    SCHOOLS,
    SECOND,
    Authority,
    Merge,
    Restore,
    Step,
    Term,
    beginning,
    steps,
    terms,
)
from tests.integration.test_any_delivery import authority, runner, slow  # noqa: F401 - fixtures
from tests.unit.test_two_implementations import SMALL_PLAIN

REGISTERS = {
    "marks": "select urn, date, session, pupil_id::text, code, details from mark where standing and code is not null",
    "children": "select pupil_id::text, upn_key, survivor::text, date_of_birth, year_group from pupil",
    "local ids": "select urn, local_id, pupil_id::text from school_pupil",
    "stays": "select urn, pupil_id::text, from_date, to_date, kind from enrolment",
}
ENGINE = {
    "children": "select pupil_id::text, survivor::text, date_of_birth from child",
    "sheets": "select pupil_id::text, urn, year, marks from sheet"
    " where marks <> decode(repeat('00', length(marks)), 'hex')",
    "episodes": "select pupil_id::text, kind, crossed_on, state, hash from episode where state <> 'reversed'",
    "ids of episodes": "select pupil_id::text, kind, year, min(episode_id::text) from episode where state <> 'reversed'"
    " group by pupil_id, kind, year having count(*) = 1",
}
"""Of several of a kind, one that stood for both while the two were one may be another of them afterwards: ids are
history (`docs/decisions/episodes.md`), what stands is not.
"""


def differences(after: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """What is only after, and what was only before; of rows, only those that differ."""
    found: dict[str, Any] = {}
    for what in before.keys() | after.keys():
        now, then = after.get(what), before.get(what)
        if now != then and isinstance(now, list) and isinstance(then, list):
            now, then = [row for row in now if row not in then], [row for row in then if row not in now]
        if now != then:
            found[what] = (now, then)
    return found


async def state(authority: Authority) -> dict[str, Any]:  # noqa: F811
    """All that a merge and its undoing must leave as it was."""
    found: dict[str, Any] = {}
    for name, database, queries in (
        ("registers", authority.registers, REGISTERS),
        ("engine", authority.engines[0], ENGINE),
    ):
        async with database.connection() as connection:
            for what, query in queries.items():
                found[f"{what} in {name}"] = sorted((tuple(row) for row in await connection.fetch(query)), key=repr)
    for child in await authority.children():
        for year in (2025, 2026):
            figures = await authority.figures(child.pupil_id, year)
            found[f"figures of {child.pupil_id} in {year}"] = (figures.counts, figures.penalty)
    return found


@slow
@given(
    first=terms,
    second=terms,
    what=st.lists(steps, max_size=5),
    dead=st.tuples(st.sampled_from(SCHOOLS), st.sampled_from(PUPILS)),
    survivor=st.tuples(st.sampled_from(SCHOOLS), st.sampled_from(PUPILS)),
    heard_between=st.booleans(),
)
def test_a_merge_and_its_split_restore_everything(
    authority: Authority,  # noqa: F811
    runner: asyncio.Runner,  # noqa: F811
    first: Term,
    second: Term,
    what: list[Step],
    dead: tuple[int, str],
    survivor: tuple[int, str],
    *,
    heard_between: bool,
) -> None:
    async def example() -> None:
        await authority.empty()
        delivered = dict.fromkeys(SCHOOLS, 0)

        async def hear() -> None:
            ledgers = await authority.ledgers()
            news = [[[(urn, body)] for body in ledgers[urn][delivered[urn] :]] for urn in (FIRST, SECOND)]
            await authority.deliver_all(news, [0])
            delivered.update({urn: len(entries) for urn, entries in ledgers.items()})

        for step in [*beginning(first, second), *what]:
            await authority.take(step)
        await hear()
        ids = {await authority.pupil(*dead), await authority.pupil(*survivor)}
        if None in ids or len(ids) == 1:
            return
        before = await state(authority)
        await authority.take(Merge(dead, survivor))
        if heard_between:
            await hear()
            assert await authority.audit(SMALL_PLAIN) == ""
        await authority.take(Restore())
        await hear()
        assert await authority.audit(SMALL_PLAIN) == ""
        found = differences(await state(authority), before)
        assert not found, pformat(found, width=200)

    runner.run(example())
