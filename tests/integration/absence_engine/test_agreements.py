"""What the engine says to clients whose agreements leave something out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from absence_engine import api
from common.access import store
from common.access.directory import open_directory
from common.events.consumers import ConsumerChanged
from common.service import Service

from tests.doors import bearer, door
from tests.integration.absence_engine.ledgers import CLOCK, Engine, Ledger
from tests.integration.absence_engine.test_answers import ANN, BEN, URN, Asker
from tests.integration.absence_engine.test_patterns import look
from tests.integration.absence_engine.test_siblings import KIND, ledger

__all__ = ["ledger"]

AGREED = ConsumerChanged(
    client_id="s", version=1, organisation="Elm", purposes=["returns"], agreement_from="2025-09-01",
    agreement_to=None, scopes=["totals:read"], schools=None, cohorts=None, redactions=["flags", "siblings"],
    revoked_at=None,
)  # fmt: skip
PATTERNS = (f"/v1/pupils/{ANN}/patterns", f"/v1/schools/{URN}/patterns")


@pytest.fixture
async def agreed(engine: Engine) -> AsyncIterator[Asker]:
    """A client for whom flags and siblings are left out."""
    await engine.database.in_transaction(lambda tx: store.keep(tx, [AGREED]))
    router = api.create_router(engine.database, CLOCK, engine.policies, engine.signal)
    known = await open_directory(engine.database, "absence-engine")
    async with door(Service(name="absence-engine", router=router, consumers=known)) as client:
        client.headers.update(bearer("totals:read"))
        yield Asker(client)


@pytest.mark.parametrize("query", [{"flag": "CIN"}, {"group_by": "flag"}, {"group_by": "year_group,flag"}])
async def test_sums_by_what_is_left_out_are_refused(agreed: Asker, query: dict[str, Any]) -> None:
    refusal = await agreed.get("/v1/absence", 403, school_urn=URN, **query)
    assert (refusal["type"], refusal["detail"]) == ("/problems/redacted", "Left out for this client: flags.")


async def test_patterns_that_tell_who_is_a_sibling_are_left_out(engine: Engine, ledger: Ledger, agreed: Asker) -> None:
    await engine.take(ledger.entries)
    await look(engine)
    for path in PATTERNS:
        answer = await agreed.get(path)
        assert KIND not in {one["kind"] for one in answer["items"]}
        assert BEN not in {one["what"] for one in answer["items"]}
    await agreed.get(PATTERNS[1], 403, kind=KIND)
