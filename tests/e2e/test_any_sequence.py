"""Whatever schools send, in whatever order: nothing is lost, the audit finds nothing, and the figures that the API
answers are those of the second implementation. Random sequences, through HTTP, on the running product.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from audit.read.snapshot import database_url
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from rollcall.folder import Folder

from tests.e2e.product import embedded
from tests.e2e.sequences.judge import Judge, Sent
from tests.e2e.sequences.machine import SESSIONS, TODAY, Schools

SEQUENCES = settings(
    max_examples=20,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    folder: Path = tmp_path_factory.mktemp("sequences")
    with embedded(folder, TODAY.isoformat()) as product, product.client() as client:
        running = Folder(folder).running()
        assert running is not None
        yield Judge(client, running.database, TODAY)


@pytest.mark.timeout(600)  # many sequences, each audited: minutes on a busy machine
def test_any_sequence_ends_with_the_audit_clean_and_the_figures_of_the_second_implementation(judge: Judge) -> None:
    class Judged(Schools):
        def __init__(self) -> None:
            super().__init__(judge.client, judge)

    run_state_machine_as_test(Judged, settings=SEQUENCES)


def test_who_judges_notices_a_lost_mark_and_a_wrong_figure(judge: Judge) -> None:
    schools = Schools(judge.client, judge)
    schools.two_schools_with_a_term_behind_them((40, ["/", "O"]), (40, ["/", "/", "I"]))
    assert judge.judge(schools.urns, schools.sent) == []
    never = Sent(schools.urns[0], *SESSIONS[0], "B", "accepted", ("local_id", "1"))
    assert judge.judge(schools.urns, [*schools.sent, never]) == [f"lost: {never}"]
    asyncio.run(forget_a_sheet(judge, str(schools.find((0, "1")))))
    wrong = judge.judge(schools.urns, schools.sent)
    assert any("sheet" in told for told in wrong), wrong  # the audit, once: what it has told is known from then on
    wrong = judge.judge(schools.urns, schools.sent)
    assert any("all together have" in told for told in wrong), wrong
    assert any("best window" in told for told in wrong), wrong


async def forget_a_sheet(judge: Judge, pupil_id: str) -> None:
    """Makes the engine forget a child's marks."""
    engine = await asyncpg.connect(database_url(judge.server_url, "absence_engine"))
    try:
        assert await engine.execute("delete from sheet where pupil_id = $1", UUID(pupil_id)) != "DELETE 0"
    finally:
        await engine.close()
