"""`rollcall reevaluate`: everybody is looked at once more, by the policy in force."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg
from common.db import database_url

from tests.e2e import school
from tests.e2e.product import ROLLCALL, embedded, eventually
from tests.integration.command.test_rebuild import marked
from tests.integration.command.test_up import where

TODAY = "2025-09-10"
FORGET = "delete from episode where kind = 'AT_RISK'"


def reevaluate(folder: Path, *whom: str) -> subprocess.CompletedProcess[str]:
    words = [ROLLCALL, "reevaluate", *whom, "--data", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


async def forget(folder: Path) -> None:
    """Takes an episode away behind the engine's back."""
    connection = await asyncpg.connect(database_url(where(folder)["database"], "absence-engine"))
    await connection.execute(FORGET)
    await connection.close()


def test_an_episode_that_is_missing_is_found_again_and_asking_twice_says_nothing_new(tmp_path: Path) -> None:
    with embedded(tmp_path, TODAY) as product, product.client() as client:
        pupil = marked(client)
        product.audited()
        path = f"/v1/pupils/{pupil}/episodes"
        before = [(one["kind"], one["state"]) for one in school.ok(client.get(path))["items"]]
        asyncio.run(forget(tmp_path))
        assert product.audit().returncode == 1
        done = reevaluate(tmp_path, "--la", "330")
        assert (done.returncode, done.stdout.splitlines()[0]) == (
            0,
            "330: its children are looked at once more, by england-2024.2",
        )
        eventually(lambda: [(one["kind"], one["state"]) for one in school.ok(client.get(path))["items"]] == before)
        assert "differences: none" in product.audited()
        episodes = school.ok(client.get(path))["items"]
        assert reevaluate(tmp_path, "--all").returncode == 0
        assert "differences: none" in product.audited()
        assert school.ok(client.get(path))["items"] == episodes
        refused = reevaluate(tmp_path, "--la", "330", "999")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == "rollcall: No school that is known is of authority 999.\n"
