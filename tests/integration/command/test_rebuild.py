"""`rollcall rebuild`: an engine whose figures are in doubt reads the ledgers again, running or stopped."""

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from common.db import database_url

from tests.e2e import school
from tests.e2e.product import ROLLCALL, Product, embedded, eventually
from tests.integration.command.test_up import where

URN, TODAY = 100950, "2025-09-10"
DAYS = ["2025-09-02", "2025-09-03", "2025-09-04"]
FORGET = "update sheet set marks = repeat(E'\\\\000', 732)::bytea"


def rebuild(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [ROLLCALL, "rebuild", "absence-engine", "--data", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def marked(client: httpx.Client) -> str:
    """A school with one child, absent in each of six sessions: the child."""
    school.put_school(client, URN)
    school.put_calendar(client, URN, DAYS)
    (pupil,) = school.put_roll(client, URN, [school.pupil("1")]).values()
    for day in DAYS:
        for half in ("AM", "PM"):
            school.put_register(client, URN, day, half, {pupil: "O"})
    return pupil


def forget_marks(product: Product, folder: Path) -> None:
    """Makes the engine's sheets wrong behind its back; the audit notices."""
    product.audited()

    async def work() -> None:
        connection = await asyncpg.connect(database_url(where(folder)["database"], "absence-engine"))
        await connection.execute(FORGET)
        await connection.close()

    asyncio.run(work())
    assert product.audit().returncode == 1


def counts(client: httpx.Client, pupil: str) -> tuple[Any, Any]:
    child = school.ok(client.get(f"/v1/pupils/{pupil}/absence?academic_year=2025-26"))["child"]
    return child["possible"], child["absent"]


def test_a_running_engine_is_right_again_after_a_rebuild(tmp_path: Path) -> None:
    with embedded(tmp_path, TODAY) as product, product.client() as client:
        pupil = marked(client)
        forget_marks(product, tmp_path)
        assert counts(client, pupil) == (0, 0)
        episodes = school.ok(client.get(f"/v1/pupils/{pupil}/episodes"))["items"]
        done = rebuild(tmp_path)
        assert (done.returncode, done.stdout.split(",")[0]) == (0, "absence-engine: epoch 2")
        eventually(lambda: counts(client, pupil) == (6, 6))
        assert "differences: none" in product.audited()
        assert school.ok(client.get(f"/v1/pupils/{pupil}/episodes"))["items"] == episodes


def test_a_stopped_engine_reads_the_ledgers_again_when_it_starts(tmp_path: Path) -> None:
    with embedded(tmp_path, TODAY) as product, product.client() as client:
        pupil = marked(client)
        forget_marks(product, tmp_path)
    assert rebuild(tmp_path).returncode == 0
    with embedded(tmp_path, TODAY) as product, product.client() as client:
        eventually(lambda: counts(client, pupil) == (6, 6))
        assert "differences: none" in product.audited()


def test_a_folder_without_data_is_refused_in_words(tmp_path: Path) -> None:
    done = rebuild(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rollcall: ")
